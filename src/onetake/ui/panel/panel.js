// The page: what is shown comes from snapshots and events, what is pressed becomes commands.
// It keeps no state of the recorder of its own.

import { Preview } from "./preview.js";
import { Rpc } from "./rpc.js";

const SNAPSHOT_MS = 500;
const MESSAGES = 50;
const FLOOR_DB = -60;
const TALKING_DB = -40; // input louder than this while muted is worth saying
const NAMES = { mic: "microphone", system: "system sound" };
const RUNNING = ["starting", "recording", "paused"];

const $ = (id) => document.getElementById(id);
let now = null;
let settings = null;

const rpc = new Rpc({ onOpen, onClosed, onEvent, onFrame: (blob) => preview.draw(blob), onTakes });
const preview = new Preview(
  { canvas: $("preview"), empty: $("no-preview"), place: $("camera-place"), frame: $("frame") },
  () => rpc.send("preview-frame"),
  (change) => attempt("overlay-change", change),
);

async function onOpen() {
  document.body.dataset.link = "open";
  await rpc.call("subscribe", { events: ["state", "started", "control", "source", "file", "warning", "meters", "stopped"] });
  rpc.send("takes");
  await Promise.all([refresh(), listDevices()]);
}

function onClosed(isRefused) {
  document.body.dataset.link = "closed";
  preview.want(false);
  $("state").textContent = isRefused
    ? "This address was used already. Open the panel again from the recorder."
    : "The recorder is gone; trying again.";
}

// What happened.

function onEvent(event) {
  if (event.event === "meters") return showMeters(event.levels);
  if (event.event === "warning") note(event.message + (event.hint ? ` (${event.hint})` : ""), event.position_ns, true);
  if (event.event === "source" && event.reason) note(`${event.role} ${event.state}: ${event.reason}`, event.position_ns, true);
  if (event.event === "file") note(`goes on in ${event.path}${event.reason ? `: ${event.reason}` : ""}`, event.position_ns, Boolean(event.reason));
  if (event.event === "control") note(controlText(event.command), event.position_ns);
  if (event.event === "state") say(event.state);
  if (event.event === "stopped") showFinished(event);
  refresh();
}

function controlText(command) {
  switch (command.command) {
    case "mute": return `${NAMES[command.role]} ${command.is_muted ? "muted" : "live"}`;
    case "gain": return `${NAMES[command.role]} ${command.gain_db.toFixed(0)} dB`;
    case "camera": return command.is_visible ? "camera shown" : "camera hidden";
    case "marker": return `marker ${command.label}`.trim();
    case "switch": return `${command.role} is now ${command.device_id}`;
    case "overlay": case "overlay-change": return "camera placed";
    default: return command.command;
  }
}

function note(text, positionNs, isBad = false) {
  const line = document.createElement("li");
  line.textContent = positionNs ? `${clock(positionNs)} ${text}` : text;
  line.className = isBad ? "bad" : "";
  const list = $("messages");
  const same = list.lastElementChild?.textContent.endsWith("camera placed") && text === "camera placed";
  if (same) list.lastElementChild.remove();
  list.append(line);
  while (list.children.length > MESSAGES) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

const say = (text) => { $("said").textContent = text; };

async function attempt(method, params) {
  try {
    return await rpc.call(method, params);
  } catch (error) {
    note(error.hint ? `${error.message} (${error.hint})` : error.message, 0, true);
    say(error.message);
    return null;
  } finally {
    refresh();
  }
}

// What is.

let refreshing = null;
function refresh() {
  refreshing ??= rpc.call("snapshot").then(show, () => {}).finally(() => { refreshing = null; });
  return refreshing;
}

function show(snapshot) {
  now = snapshot;
  const isRunning = RUNNING.includes(now.state);
  document.body.dataset.state = now.state;
  $("state").textContent = now.state;
  $("elapsed").textContent = clock(now.position_ns);
  $("record-text").textContent = isRunning ? "Stop" : "Record";
  $("record").disabled = now.state === "stopping";
  $("pause").disabled = !["recording", "paused"].includes(now.state);
  $("pause").setAttribute("aria-pressed", now.state === "paused");
  $("marker").disabled = $("pause").disabled;
  showMute("mic", now.is_mic_muted, now.mic_gain_db);
  showMute("system", now.is_system_muted, now.system_gain_db);
  press($("hide-camera"), !now.overlay.is_visible, "Show camera", "Hide camera");
  set($("anchor"), now.overlay.anchor);
  set($("shape"), now.overlay.shape);
  set($("height"), Math.round(now.overlay.height * 100));
  preview.show(now.overlay, isRunning && now.sources.camera === "live");
  if (isRunning !== preview.isWanted) preview.want(isRunning);
  showFigures();
}

function showMute(role, isMuted, gainDb) {
  press($(`mute-${role}`), isMuted, `Unmute ${NAMES[role]}`, `Mute ${NAMES[role]}`);
  set($(`gain-${role}`), Math.round(gainDb));
  $(`gain-${role}-text`).textContent = `${gainDb.toFixed(0)} dB`;
}

function press(button, isPressed, pressedText, otherText) {
  button.setAttribute("aria-pressed", isPressed);
  button.firstElementChild.textContent = isPressed ? pressedText : otherText;
}

function set(field, value) {
  if (document.activeElement !== field || field.tagName !== "INPUT") field.value = value;
}

function showFigures() {
  $("path").textContent = now.path.split("/").pop() || "-";
  $("size").textContent = now.size_bytes ? bytes(now.size_bytes) : "-";
  $("fps").textContent = now.fps ? now.fps.toFixed(1) : "-";
  $("dropped").textContent = now.frames ? now.dropped_frames : "-";
  for (const role of ["mic", "system"]) {
    const ppm = now.drift_ppm[role];
    const error = now.alignment_error_ms[role];
    $(`sync-${role}`).textContent = ppm === undefined ? "-" : `${ppm.toFixed(1)} ppm, ${(error ?? 0).toFixed(2)} ms`;
  }
  const minutes = now.minutes_left;
  $("disk").textContent = minutes != null ? `${Math.floor(minutes)} min` : now.free_bytes ? bytes(now.free_bytes) : "-";
}

function showMeters(levels) {
  for (const role of ["mic", "system"]) {
    const level = levels[role] ?? { peak_db: -120, input_peak_db: -120 };
    const meter = $(`meter-${role}`);
    meter.querySelector(".level").style.width = share(level.peak_db);
    meter.querySelector(".input").style.width = share(level.input_peak_db);
    meter.setAttribute("aria-valuenow", Math.round(Math.max(FLOOR_DB, level.peak_db)));
    const isMuted = role === "mic" ? now?.is_mic_muted : now?.is_system_muted;
    const text = isMuted && level.input_peak_db > TALKING_DB
      ? role === "mic" ? "You are muted, but talking." : "Muted, but something plays." : "";
    const said = $(`talking-${role}`);
    if (said.textContent !== text) said.textContent = text;
  }
}

const share = (db) => `${Math.max(0, Math.min(100, ((db - FLOOR_DB) / -FLOOR_DB) * 100))}%`;

function showFinished(finished) {
  $("finished").hidden = false;
  $("verdict").textContent = `${finished.path}: ${finished.duration_s.toFixed(1)} s, ${bytes(finished.size_bytes)}, ${finished.verdict}`;
  $("reasons").replaceChildren(...finished.reasons.map((reason) => Object.assign(document.createElement("li"), { textContent: reason })));
  $("report").textContent = JSON.stringify(finished.report, null, 2);
  rpc.send("takes");
}

function onTakes(takes) {
  const latest = takes.at(-1);
  const address = latest && `/take/${latest.key}`;
  if (address && $("player").getAttribute("src") !== address) {
    $("finished").hidden = false;
    if (!$("verdict").textContent) $("verdict").textContent = latest.path;
    $("player").src = address;
  }
}

// Devices.

async function listDevices() {
  const [list, standing] = await Promise.all([rpc.call("devices"), rpc.call("settings")]);
  settings = standing;
  const wishes = { screen: settings.screen, system: settings.system_audio, mic: settings.mic, camera: settings.camera };
  for (const [role, wish] of Object.entries(wishes)) {
    const devices = list.devices.filter((device) => device.role === role);
    const options = [["default", "default"], ...devices.map((device) => [device.id, `${device.name} ${device.format}`.trim()])];
    if (role !== "screen") options.push(["none", "none"]);
    if (!options.some(([id]) => id === wish)) options.unshift([wish, wish]);
    $(`device-${role}`).replaceChildren(...options.map(([id, name]) => new Option(name, id, false, id === wish)));
  }
  $("problems").replaceChildren(...list.problems.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

// What is pressed.

function toggleRecord() {
  if (RUNNING.includes(now?.state)) attempt("stop");
  else {
    $("finished").hidden = true;
    attempt("start");
  }
}

const actions = {
  r: toggleRecord,
  p: () => attempt("toggle", { what: "pause" }),
  m: () => attempt("toggle", { what: "mic" }),
  s: () => attempt("toggle", { what: "system" }),
  c: () => attempt("toggle", { what: "camera" }),
  k: mark,
};

function mark() {
  attempt("marker", { label: $("marker-label").value });
  $("marker-label").value = "";
}

$("record").addEventListener("click", actions.r);
$("pause").addEventListener("click", actions.p);
$("mute-mic").addEventListener("click", actions.m);
$("mute-system").addEventListener("click", actions.s);
$("hide-camera").addEventListener("click", actions.c);
$("refresh-devices").addEventListener("click", () => listDevices());
$("marker-form").addEventListener("submit", (event) => {
  event.preventDefault();
  mark();
});
for (const role of ["mic", "system"]) {
  $(`gain-${role}`).addEventListener("input", (event) => attempt("gain", { role, gain_db: Number(event.target.value) }));
}
for (const role of ["screen", "system", "mic", "camera"]) {
  $(`device-${role}`).addEventListener("change", (event) => attempt("switch", { role, device_id: event.target.value }));
}
$("anchor").addEventListener("change", (event) => attempt("overlay-change", { anchor: event.target.value }));
$("shape").addEventListener("change", (event) => attempt("overlay-change", { shape: event.target.value }));
$("height").addEventListener("input", (event) => attempt("overlay-change", { height: Number(event.target.value) / 100 }));
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea, video");
  const action = actions[event.key.toLowerCase()];
  if (action && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat) {
    event.preventDefault();
    action();
  }
});
setInterval(() => document.body.dataset.link === "open" && !document.hidden && refresh(), SNAPSHOT_MS);

// How it is written.

function clock(ns) {
  const seconds = Math.floor(ns / 1e9);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = count ? Math.min(4, Math.floor(Math.log10(count) / 3)) : 0;
  return `${(count / 1000 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}
