import { expect, test } from "vitest";
import { Secrets } from "./secrets.ts";

test("a secret that begins like another one is masked whole", () => {
  const secrets = new Secrets();
  secrets.add("project-key");
  secrets.add("project-key-of-the-owner");

  expect(secrets.redact("sent project-key-of-the-owner and project-key")).toBe("sent [secret] and [secret]");
});
