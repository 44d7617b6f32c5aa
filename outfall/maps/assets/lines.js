// How reaches are drawn: water below, pipes above, arrows where there is room for them.

const LineSheet = LayerSheet.extend({
  draw(ctx, view) {
    const byClass = this.looks.map(() => []);
    const { row } = this.layer.shape;
    const parts = this.inView(view, 8);
    if (parts.length > MANY) {
      this.hairs(ctx, view, parts);
      return;
    }
    for (const part of parts) byClass[this.classes[row[part]]].push(part);
    // Finer where the view is crowded.
    const crowd = parts.length > 8000 ? 0.45 : parts.length > 2500 ? 0.6 : parts.length > 800 ? 0.8 : 1;
    const grow = crowd * Math.max(0.45, Math.min(2.4, 0.5 + (view.zoom - 11) * 0.24));
    this.grow = grow;
    ctx.lineCap = 'round';
    ctx.lineJoin = 'round';
    const isWater = (look) => look.edge && look.edge !== '#ffffff';
    const water = byClass.map((_, at) => at).filter((at) => isWater(this.looks[at]));
    const pipes = byClass.map((_, at) => at).filter((at) => !isWater(this.looks[at]));
    // All banks before all water, so that confluences are open.
    for (const at of water) this.stroke(ctx, view, byClass[at], this.looks[at].edge, (part) => this.widthPx(part, at, view) + 1.8, []);
    for (const at of water) this.stroke(ctx, view, byClass[at], this.looks[at].colour, (part) => this.widthPx(part, at, view), []);
    for (const at of pipes) if (grow > 0.6) this.stroke(ctx, view, byClass[at], '#fbfaf5', () => this.looks[at].width * grow + 2.2, []);
    for (const at of pipes) this.stroke(ctx, view, byClass[at], this.looks[at].colour, () => Math.max(0.9, (this.looks[at].width || 2) * grow), this.looks[at].dash || []);
    if (view.zoom >= 13 && parts.length < 4000) for (const at of [...water, ...pipes]) this.arrows(ctx, view, byClass[at], this.looks[at]);
  },

  // Thousands: thin lines, water below pipes. After a move only what came into view is drawn; the rest of the picture is moved.
  hairs(ctx, view, parts) {
    const kept = this.kept, { width, height } = ctx.canvas;
    const dx = kept && (kept.x - view.x) * view.ratio, dy = kept && (kept.y - view.y) * view.ratio;
    const isMove = this.isMoved && kept && kept.scale === view.scale && kept.isDense === parts.length > 30000 && kept.pixels.width === width && kept.pixels.height === height && Number.isInteger(dx) && Number.isInteger(dy);
    const pixels = isMove ? kept.pixels : new Pixels(ctx);
    const bare = isMove ? pixels.shift(dx, dy) : [[0, 0, width, height]];
    for (const [left, top, right, bottom] of bare) {
      pixels.clip(left, top, right, bottom);
      const px = view.scale * view.ratio;
      const own = isMove ? this.inView({ scale: view.scale, left: view.left + left / px, top: view.top + top / px, right: view.left + right / px, bottom: view.top + bottom / px }, 4) : parts;
      this.fine(pixels, view, own, parts.length > 30000);
    }
    pixels.show();
    this.parts = parts;
    this.kept = { pixels, x: view.x, y: view.y, scale: view.scale, isDense: parts.length > 30000 };
  },

  fine(pixels, view, parts, isDense) {
    const { row, start, east, south } = this.layer.shape;
    const scale = view.scale * view.ratio, x = view.x * view.ratio, y = view.y * view.ratio;
    const half = isDense ? 0.5 : 0.65 * view.ratio;
    // Steps shorter than this are joined; the end of a line always stays.
    const least = isDense ? 1.6 : 1;
    const isPipe = (look) => !look.edge || look.edge === '#ffffff';
    const order = [...this.looks.keys()].sort((one, other) => isPipe(this.looks[one]) - isPipe(this.looks[other]));
    for (const at of order) {
      const look = this.looks[at];
      pixels.ink(isPipe(look) ? look.colour : look.edge, isDense ? 0.85 : 1);
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        if (this.classes[row[part]] !== at) continue;
        let k = start[part];
        const last = start[part + 1] - 1;
        let x0 = east[k] * scale - x, y0 = south[k] * scale - y;
        while (++k <= last) {
          const x1 = east[k] * scale - x, y1 = south[k] * scale - y;
          if (k < last && x1 - x0 < least && x0 - x1 < least && y1 - y0 < least && y0 - y1 < least) continue;
          pixels.line(x0, y0, x1, y1, half);
          x0 = x1;
          y0 = y1;
        }
      }
    }
  },

  // Real width where it is known and wide enough to be seen.
  widthPx(part, at, view) {
    const base = (this.looks[at].width || 2.4) * this.grow;
    const known = this.layer.column.width_m;
    const metres = known ? known.at(this.layer.shape.row[part]) : null;
    if (!metres) return base;
    const lat = this.layer.shape.lat[this.layer.shape.start[part]] / 1e6;
    const metrePx = view.scale / (40075016.7 * Math.cos((lat * Math.PI) / 180));
    return Math.min(26, Math.max(base * Math.min(1.5, 0.55 + metres / 60), metres * metrePx));
  },

  stroke(ctx, view, parts, colour, width, dash) {
    ctx.strokeStyle = colour;
    ctx.setLineDash(this.grow > 0.6 ? dash : []);
    let last = null, count = 0;
    for (const part of parts) {
      const w = Math.round(width(part) * 4) / 4;
      if (w !== last || ++count > 120) {
        if (last !== null) ctx.stroke();
        ctx.beginPath();
        ctx.lineWidth = last = w;
        count = 0;
      }
      this.path(ctx, view, part);
    }
    if (last !== null) ctx.stroke();
    ctx.setLineDash([]);
  },

  path(ctx, view, part) {
    const { east, south, start } = this.layer.shape;
    const from = start[part], to = start[part + 1] - 1;
    let lastX = east[from] * view.scale - view.x, lastY = south[from] * view.scale - view.y;
    ctx.moveTo(lastX, lastY);
    for (let k = from + 1; k <= to; k++) {
      const x = east[k] * view.scale - view.x, y = south[k] * view.scale - view.y;
      // Nothing smaller than a pixel is stroked, but the end always is.
      if (k < to && Math.abs(x - lastX) < 1 && Math.abs(y - lastY) < 1) continue;
      ctx.lineTo(x, y);
      lastX = x;
      lastY = y;
    }
  },

  arrows(ctx, view, parts, look) {
    const isWater = look.edge && look.edge !== '#ffffff';
    const share = this.layer.column.forward_share;
    const size = isWater ? 4.2 : 4.6;
    const step = isWater ? 120 : 76;
    ctx.fillStyle = isWater ? look.edge : look.colour;
    ctx.strokeStyle = isWater ? 'rgba(255,255,255,.0)' : '#fbfaf5';
    ctx.lineWidth = 1.6;
    for (const part of parts) {
      const forward = share ? share.at(this.layer.shape.row[part]) : null;
      this.along(view, part, step, (x, y, angle) => {
        if (forward !== null && forward > 0.2 && forward < 0.8) {
          arrowHead(ctx, x + Math.cos(angle) * 4, y + Math.sin(angle) * 4, angle, size * 0.8);
          arrowHead(ctx, x - Math.cos(angle) * 4, y - Math.sin(angle) * 4, angle + Math.PI, size * 0.8);
        } else arrowHead(ctx, x, y, forward !== null && forward < 0.5 ? angle + Math.PI : angle, size);
      });
    }
  },

  // Calls each(x, y, angle) at even distances along a part, if it is long enough for one.
  along(view, part, step, each) {
    const { east, south, start } = this.layer.shape;
    const xs = [], ys = [];
    let length = 0;
    for (let k = start[part]; k < start[part + 1]; k++) {
      xs.push(east[k] * view.scale - view.x);
      ys.push(south[k] * view.scale - view.y);
      const n = xs.length;
      if (n > 1) length += Math.hypot(xs[n - 1] - xs[n - 2], ys[n - 1] - ys[n - 2]);
    }
    if (length < 30) return;
    const gap = length / Math.max(1, Math.round(length / step));
    let next = gap / 2;
    for (let k = 1; k < xs.length; k++) {
      const run = Math.hypot(xs[k] - xs[k - 1], ys[k] - ys[k - 1]);
      const angle = Math.atan2(ys[k] - ys[k - 1], xs[k] - xs[k - 1]);
      for (; next <= run && run > 0; next += gap) {
        const x = xs[k - 1] + ((xs[k] - xs[k - 1]) * next) / run, y = ys[k - 1] + ((ys[k] - ys[k - 1]) * next) / run;
        if (x > -20 && y > -20 && x < view.width + 20 && y < view.height + 20) each(x, y, angle);
      }
      next -= run;
    }
  },
});

function arrowHead(ctx, x, y, angle, size) {
  const c = Math.cos(angle) * size, s = Math.sin(angle) * size;
  ctx.beginPath();
  ctx.moveTo(x + c, y + s);
  ctx.lineTo(x - c * 0.7 - s * 0.78, y - s * 0.7 + c * 0.78);
  ctx.lineTo(x - c * 0.3, y - s * 0.3);
  ctx.lineTo(x - c * 0.7 + s * 0.78, y - s * 0.7 - c * 0.78);
  ctx.closePath();
  ctx.stroke();
  ctx.fill();
}
