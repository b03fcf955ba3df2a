// Plays the calls that come as JSON on stdin with the real @actions/core, so that its bytes can be compared with ours.
import crypto from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

// The fence of an output is random; both sides use this one.
crypto.randomUUID = () => "00000000-0000-4000-8000-000000000000";
syncBuiltinESMExports();
const core = await import("@actions/core");

const plays = {
  annotate: (level, title, message) => core[level](message, title ? { title } : {}),
  group: (title) => core.startGroup(title),
  endgroup: () => core.endGroup(),
  mask: (secret) => core.setSecret(secret),
  output: (name, value) => core.setOutput(name, value),
  summarize: (markdown) => core.summary.addRaw(markdown, true).write(),
};
for (const [call, ...given] of JSON.parse(fs.readFileSync(0, "utf8"))) {
  await plays[call](...given);
}
