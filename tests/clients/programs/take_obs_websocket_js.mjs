// A take by obs-websocket-js: prints what it saw as one JSON object.
// Arguments: port, password, json|msgpack.
import { setTimeout as pause } from "node:timers/promises";

const [port, password, encoding] = process.argv.slice(2);
const { default: OBSWebSocket, EventSubscription } = await import(`obs-websocket-js/${encoding}`);
const seen = [];
let meters = 0;
const obs = new OBSWebSocket();
obs.on("RecordStateChanged", (data) => seen.push(data.outputState));
obs.on("InputMuteStateChanged", (data) => seen.push(`${data.inputName} ${data.inputMuted}`));
obs.on("InputVolumeMeters", () => (meters += 1));
const until = async (state) => {
  while (!seen.includes(state)) await pause(20);
};

let refused = "";
try {
  await new OBSWebSocket().connect(`ws://127.0.0.1:${port}`, "wrong");
} catch (error) {
  refused = `${error.code} ${error.message}`;
}
await obs.connect(`ws://127.0.0.1:${port}`, password, {
  rpcVersion: 1,
  eventSubscriptions: EventSubscription.All | EventSubscription.InputVolumeMeters,
});
await obs.call("StartRecord");
await until("OBS_WEBSOCKET_OUTPUT_STARTED");
await pause(1000);
await obs.call("SetInputMute", { inputName: "Microphone", inputMuted: true });
await pause(1000);
await obs.call("ToggleInputMute", { inputName: "Microphone" });
const batch = await obs.callBatch([
  { requestType: "GetVersion" },
  { requestType: "GetSceneItemList", requestData: { sceneName: "Recording" } },
]);
await obs.call("CreateRecordChapter", { chapterName: "second" });
await pause(500);
const { outputPath } = await obs.call("StopRecord");
await until("OBS_WEBSOCKET_OUTPUT_STOPPED");
console.log(
  JSON.stringify({ path: outputPath, seen, meters, refused, batch: batch.map((one) => one.requestStatus.code) }),
);
await obs.disconnect();
