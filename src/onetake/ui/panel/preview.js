// The live picture: one frame in flight, the latest wins; and the camera's place on it.

const MOVE = 0.02; // share of the picture an arrow key moves the camera

export class Preview {
  // parts: { canvas, empty, place, frame }; onMove({anchor, x, y, height})
  constructor(parts, ask, onMove) {
    Object.assign(this, parts, { ask, onMove, isWanted: false, isAsked: false });
    this.context = this.canvas.getContext("2d");
    this.listen();
  }

  want(isWanted) {
    this.isWanted = isWanted;
    if (!isWanted) {
      this.empty.hidden = false;
      this.isAsked = false;
    } else {
      this.next();
    }
  }

  next() {
    if (this.isWanted && !this.isAsked && !document.hidden) {
      this.isAsked = true;
      this.ask();
    }
  }

  async draw(blob) {
    this.isAsked = false;
    if (blob.size > 0) {
      const picture = await createImageBitmap(blob);
      if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
        this.canvas.width = picture.width;
        this.canvas.height = picture.height;
      }
      this.context.drawImage(picture, 0, 0);
      picture.close();
      this.empty.hidden = true;
    }
    this.next();
  }

  // Lay the handle where the recorder draws the camera.
  show(overlay, isThere) {
    this.overlay = overlay;
    this.place.hidden = !isThere || !overlay.is_visible;
    if (this.place.hidden || this.drag) return;
    const aspect = this.canvas.width / this.canvas.height;
    const width = (overlay.height * (overlay.shape === "circle" ? 1 : 16 / 9)) / aspect;
    const { x, y } = centre(overlay, width, aspect);
    this.lay(x, y, width, overlay.height);
  }

  lay(x, y, width, height) {
    Object.assign(this.place.style, {
      left: `${(x - width / 2) * 100}%`,
      top: `${(y - height / 2) * 100}%`,
      width: `${width * 100}%`,
      height: `${height * 100}%`,
    });
    this.at = { x, y, width, height };
  }

  move(x, y, height) {
    const clamp = (value) => Math.min(1, Math.max(0, value));
    this.at = { ...this.at, x: clamp(x), y: clamp(y) };
    this.onMove({ anchor: "free", x: this.at.x, y: this.at.y, ...(height ? { height } : {}) });
  }

  listen() {
    const { place, frame } = this;
    place.addEventListener("pointerdown", (event) => {
      place.setPointerCapture(event.pointerId);
      this.drag = { startX: event.clientX, startY: event.clientY, ...this.at };
    });
    place.addEventListener("pointermove", (event) => {
      if (!this.drag) return;
      const box = frame.getBoundingClientRect();
      const x = this.drag.x + (event.clientX - this.drag.startX) / box.width;
      const y = this.drag.y + (event.clientY - this.drag.startY) / box.height;
      this.lay(x, y, this.drag.width, this.drag.height);
      this.move(x, y);
    });
    const end = () => {
      this.drag = null;
    };
    place.addEventListener("pointerup", end);
    place.addEventListener("pointercancel", end);
    place.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-MOVE, 0], ArrowRight: [MOVE, 0], ArrowUp: [0, -MOVE], ArrowDown: [0, MOVE] };
      const sizes = { "+": 1.1, "=": 1.1, "-": 1 / 1.1 };
      const step = steps[event.key];
      const size = sizes[event.key];
      if (!step && !size) return;
      event.preventDefault();
      const height = size && Math.min(1, Math.max(0.05, this.overlay.height * size));
      this.move(this.at.x + (step?.[0] ?? 0), this.at.y + (step?.[1] ?? 0), height);
    });
    document.addEventListener("visibilitychange", () => this.next());
  }
}

const EDGE = 0.02; // distance of a corner overlay from the edges, share of the output height

function centre(overlay, width, aspect) {
  if (overlay.anchor === "free") return { x: overlay.x, y: overlay.y };
  const [vertical, horizontal] = overlay.anchor.split("-");
  const edgeX = EDGE / aspect;
  return {
    x: horizontal === "left" ? edgeX + width / 2 : 1 - edgeX - width / 2,
    y: vertical === "top" ? EDGE + overlay.height / 2 : 1 - EDGE - overlay.height / 2,
  };
}
