// How points are drawn: stamps of their look; plain dots where there are thousands.

const PointSheet = LayerSheet.extend({
  draw(ctx, view) {
    const parts = this.inView(view, 16);
    const { east, south, row } = this.layer.shape;
    // As many on a small screen are more crowded.
    this.radius = this.sizeFor(parts.length * Math.max(1, 1.6e6 / (view.width * view.height)), view.zoom);
    const mode = modeOf(this, parts.length);
    this.groups = null;
    this.isSurface = mode === 'density';
    if (mode === 'clusters') {
      drawGroups(this, ctx, view);
      return;
    }
    if (mode === 'density') {
      drawDensity(this, ctx, view, parts);
      return;
    }
    if (parts.length > MANY) {
      this.dots(ctx, view, parts);
      return;
    }
    const ring = this.layer.ring && this.layer.column[this.layer.ring];
    const isDim = (part) => Boolean(this.dim) && !this.dim.has(row[part]);
    const order = this.dim ? [...parts.filter(isDim), ...parts.filter((part) => !isDim(part))] : parts;
    for (const part of order) {
      const x = east[part] * view.scale - view.x, y = south[part] * view.scale - view.y;
      ctx.globalAlpha = isDim(part) ? 0.32 : 1;
      if (ring && this.radius > 4 && ring.at(row[part]) === 'yes') this.ring(ctx, x, y);
      const made = symbol(this.look(row[part]), this.radius, this.lang, view.ratio);
      ctx.drawImage(made.canvas, x - made.half, y - made.half, 2 * made.half, 2 * made.half);
    }
    ctx.globalAlpha = 1;
  },

  // A circle or a surface hides its points: only what is drawn by itself can be picked.
  hit(latlng, reachPx) {
    if (this.isSurface) return -1;
    const row = LayerSheet.prototype.hit.call(this, latlng, reachPx);
    if (row < 0 || !this.groups) return row;
    const part = this.layer.partOf[row];
    return this.groups.some((group) => group.part === part) ? row : -1;
  },

  // Thousands: dots in the colours of their classes, those that are dim below.
  dots(ctx, view, parts) {
    const { east, south, row } = this.layer.shape;
    const pixels = new Pixels(ctx);
    const radius = (parts.length > 40000 ? 1.3 : parts.length > 15000 ? 1.7 : 2.2) * view.ratio;
    this.radius = Math.max(3, radius);
    for (const isDim of this.dim ? [true, false] : [false]) {
      let last = -1;
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        if (this.dim && isDim === this.dim.has(row[part])) continue;
        const at = this.classes[row[part]];
        if (at !== last) pixels.ink(this.looks[last = at].colour, isDim ? 0.32 : 1);
        pixels.dot((east[part] * view.scale - view.x) * view.ratio, (south[part] * view.scale - view.y) * view.ratio, radius);
      }
    }
    pixels.show();
  },

  sizeFor(count, zoom) {
    const most = this.options.radius || 9;
    const crowd = count <= 160 ? most : count <= 500 ? most - 1.5 : count <= 1500 ? 5.5 : 3.5;
    return Math.max(3, Math.min(crowd, zoom < 10 ? 5.5 : zoom < 12 ? 7 : most + (zoom > 16 ? 1 : 0)));
  },

  ring(ctx, x, y) {
    ctx.setLineDash([3, 2.5]);
    ctx.strokeStyle = '#3b4650';
    ctx.lineWidth = 1.3;
    ctx.beginPath();
    ctx.arc(x, y, this.radius + 4.5, 0, 7);
    ctx.stroke();
    ctx.setLineDash([]);
  },
});
