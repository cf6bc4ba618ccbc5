// Records a take through `onetake engine --stdio`, without packages. Also the Electron case.
// Usage: node controller.mjs ONETAKE FILE

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const [program, file] = process.argv.slice(2);
const engine = spawn(
  program,
  ["engine", "--stdio", "--screen", "synthetic", "--system-audio", "synthetic", "--mic", "synthetic",
    "--camera", "synthetic"],
  { stdio: ["pipe", "pipe", "inherit"] },
);
const exited = once(engine, "exit");
const waiting = new Map();
let lastId = 0;

createInterface({ input: engine.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.method === "hello") console.log(`onetake ${message.params.version}`);
  else if (message.method === "event") console.log("event ", message.params.event, message.params.state ?? message.params.message ?? "");
  else {
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    message.error ? reject(new Error(`${message.error.data.code}: ${message.error.message}`)) : resolve(message.result);
  }
});

function call(method, params = {}) {
  return new Promise((resolve, reject) => {
    const id = ++lastId;
    waiting.set(id, { resolve, reject });
    engine.stdin.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n");
  });
}

await call("subscribe", { events: ["state", "warning", "stopped"] });
await call("start", { output: file });
await pause(1500);
const muted = await call("mute", { role: "mic", is_muted: true });
console.log(`muted at ${(muted.position_ns / 1e9).toFixed(3)} s`);
await pause(1000);
await call("mute", { role: "mic", is_muted: false });
await call("marker", { label: "from Node" });
await pause(500);
const stopped = await call("stop");
console.log(`saved ${stopped.path}: ${stopped.duration_s.toFixed(1)} s, ${stopped.verdict}`);
engine.stdin.end(); // the end of its input tells the engine to go
const [code] = await exited;
process.exitCode = code;
