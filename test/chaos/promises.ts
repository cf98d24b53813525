/** A promise of docs/spec/guarantees.md: a heading "## P2 No silent loss". */
export interface GuaranteeHeading {
  readonly id: string;
  readonly title: string;
}

export function promises(page: string): readonly GuaranteeHeading[] {
  return [...page.matchAll(/^## (P\d+) (.+)$/gm)].map(([, id = "", title = ""]) => ({ id, title }));
}
