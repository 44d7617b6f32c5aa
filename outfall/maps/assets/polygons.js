// How areas are drawn: filled through, edged in their colour, holes left open.

const PolygonSheet = LayerSheet.extend({
  draw(ctx, view) {
    const { row } = this.layer.shape;
    const opacity = this.layer.opacity === undefined ? 0.6 : this.layer.opacity;
    const parts = this.inView(view, 4);
    const isDim = (part) => Boolean(this.dim) && !this.dim.has(row[part]);
    const edgePx = Math.max(0.7, Math.min(1.6, 0.7 + (view.zoom - 10) * 0.15)) * (parts.length > 3000 ? 0.6 : 1);
    ctx.lineJoin = 'round';
    for (const part of parts) {
      const look = this.look(row[part]);
      const share = isDim(part) ? 0.35 : 1;
      ctx.beginPath();
      this.path(ctx, view, part);
      ctx.globalAlpha = opacity * share;
      ctx.fillStyle = look.colour;
      ctx.fill('evenodd');
      ctx.globalAlpha = Math.min(1, opacity + 0.35) * share;
      ctx.strokeStyle = edgeOf(look);
      ctx.lineWidth = look.width || edgePx;
      ctx.setLineDash(look.dash || []);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  },

  path(ctx, view, part) {
    const { east, south, ring, ringStart } = this.layer.shape;
    for (let r = ring[part]; r < ring[part + 1]; r++) {
      let lastX = NaN, lastY = NaN;
      for (let k = ringStart[r]; k < ringStart[r + 1]; k++) {
        const x = east[k] * view.scale - view.x, y = south[k] * view.scale - view.y;
        // Nothing smaller than half a pixel is drawn.
        if (Math.abs(x - lastX) < 0.5 && Math.abs(y - lastY) < 0.5) continue;
        if (k === ringStart[r]) ctx.moveTo(x, y);
        else ctx.lineTo(x, y);
        lastX = x;
        lastY = y;
      }
      ctx.closePath();
    }
  },
});

const SHEET_OF = { points: PointSheet, lines: LineSheet, polygons: PolygonSheet };
