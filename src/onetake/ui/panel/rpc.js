// JSON-RPC over one WebSocket: calls, events, pictures. Knows nothing of the page.

const SESSION = "onetake-session";
const RETRY_MS = 1000;

export class Rpc {
  // handlers: { onOpen(), onClosed(isRefused), onEvent(event), onFrame(blob), onTakes(list) }
  constructor(handlers) {
    this.handlers = handlers;
    this.waiting = new Map();
    this.lastId = 0;
    this.key = takeKey();
    this.connect();
  }

  connect() {
    if (!this.key) {
      this.handlers.onClosed(true);
      return;
    }
    const socket = new WebSocket(`ws://${location.host}/`);
    socket.binaryType = "blob";
    socket.onopen = () => socket.send(JSON.stringify(this.key));
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (close) => this.closed(close);
    this.socket = socket;
  }

  closed(close) {
    for (const { reject } of this.waiting.values()) reject(new Error("the recorder is gone"));
    this.waiting.clear();
    const isRefused = close.code === 4401;
    if (isRefused) sessionStorage.removeItem(SESSION);
    this.handlers.onClosed(isRefused);
    if (!isRefused) setTimeout(() => this.connect(), RETRY_MS);
  }

  receive(data) {
    if (data instanceof Blob) {
      this.handlers.onFrame(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.session) {
      // The token of the address is used up; this survives a reload of the page, not of the tab.
      sessionStorage.setItem(SESSION, message.session);
      this.key = { session: message.session };
    } else if (message.takes) {
      this.handlers.onTakes(message.takes);
    } else if (message.method === "hello") {
      this.handlers.onOpen();
    } else if (message.method === "event") {
      this.handlers.onEvent(message.params);
    } else {
      const { resolve, reject } = this.waiting.get(message.id) ?? {};
      this.waiting.delete(message.id);
      if (message.error) reject?.(Object.assign(new Error(message.error.message), message.error.data));
      else resolve?.(message.result);
    }
  }

  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.waiting.set(id, { resolve, reject });
      this.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  send(text) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }
}

function takeKey() {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (token) {
    history.replaceState(null, "", location.pathname);
    return { token };
  }
  const session = sessionStorage.getItem(SESSION);
  return session ? { session } : null;
}
