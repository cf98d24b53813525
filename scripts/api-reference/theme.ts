import type { Application, Reflection } from "typedoc";
import { type MarkdownPageEvent, MarkdownTheme, type MarkdownThemeContext } from "typedoc-plugin-markdown";

/** The name under which typedoc finds the theme. */
export const THEME = "sluice";

export function defineTheme(application: Application): void {
  application.renderer.defineTheme(THEME, SignatureTheme);
}

/**
 * A signature is printed whole, as TypeScript; lists of the same parameters and results below it would only
 * say it again, because our comments describe behaviour and not parameters. Nor is it said of each member
 * which one of the language's own interfaces it overrides.
 */
class SignatureTheme extends MarkdownTheme {
  override getRenderContext(page: MarkdownPageEvent<Reflection>): MarkdownThemeContext {
    const context = super.getRenderContext(page);
    context.partials = { ...context.partials, signatureReturns: () => "", inheritance: () => "" };
    return context;
  }
}
