//! Records a take through `onetake engine --stdio`, with the standard library only.
//!
//! Usage: controller ONETAKE FILE
//!
//! This is what a Tauri application does with its sidecar: one JSON object a line in each direction.
//! A real application reads the lines with serde; here two small functions find what is needed.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

struct Engine {
    child: Child,
    requests: ChildStdin,
    lines: BufReader<ChildStdout>,
    last_id: u64,
}

impl Engine {
    fn spawn(program: &str, file: &str) -> Result<Engine, Box<dyn Error>> {
        let mut child = Command::new(program)
            .args(["engine", "--stdio"])
            .args(["--screen", "synthetic", "--system-audio", "synthetic"])
            .args(["--mic", "synthetic", "--camera", "synthetic"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or("no stdin")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut engine = Engine { child, requests, lines, last_id: 0 };
        let hello = engine.read()?;
        if number(&hello, "protocol") != Some(1.0) {
            return Err(format!("not our protocol: {hello}").into());
        }
        engine.call("subscribe", r#"{"events":["state","warning","stopped"]}"#)?;
        engine.call("change-settings", &format!(r#"{{"output":{}}}"#, quoted(file)))?;
        Ok(engine)
    }

    fn read(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("the engine has gone".into());
        }
        Ok(line.trim_end().to_string())
    }

    /// Sends a request and returns the line that answers it; events on the way are shown.
    fn call(&mut self, method: &str, params: &str) -> Result<String, Box<dyn Error>> {
        self.last_id += 1;
        let id = self.last_id;
        writeln!(
            self.requests,
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#
        )?;
        self.requests.flush()?;
        loop {
            let line = self.read()?;
            if line.contains(r#""method":"event""#) {
                println!("event  {}", &line[..line.len().min(160)]);
            } else if number(&line, "id") == Some(id as f64) {
                if line.contains(r#""error":"#) {
                    return Err(format!("{method}: {line}").into());
                }
                return Ok(line);
            }
        }
    }
}

/// Returns the first number that stands under `key`.
fn number(line: &str, key: &str) -> Option<f64> {
    let start = line.find(&format!("\"{key}\":"))? + key.len() + 3;
    let rest = &line[start..];
    let end = rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Returns `text` as a JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if (c as u32) < 0x20 => json.push_str(&format!("\\u{:04x}", c as u32)),
            c => json.push(c),
        }
    }
    json + "\""
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, program, file] = arguments.as_slice() else {
        return Err("usage: controller ONETAKE FILE".into());
    };
    let mut engine = Engine::spawn(program, file)?;
    engine.call("start", "{}")?;
    sleep(Duration::from_millis(1500));
    let muted = engine.call("mute", r#"{"role":"mic","is_muted":true}"#)?;
    println!("muted at {:.3} s", number(&muted, "position_ns").unwrap_or(0.0) / 1e9);
    sleep(Duration::from_millis(1000));
    engine.call("mute", r#"{"role":"mic","is_muted":false}"#)?;
    engine.call("marker", r#"{"label":"from Rust"}"#)?;
    sleep(Duration::from_millis(500));
    let stopped = engine.call("stop", "{}")?;
    println!("saved {:.1} s", number(&stopped, "duration_s").unwrap_or(0.0));
    drop(engine.requests); // the end of its input tells the engine to go
    let status = engine.child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the engine ended with {status}").into()) }
}
