// The paper below the map: meridians and parallels with their degrees.

const STEPS = [30, 15, 10, 5, 2, 1, 30 / 60, 15 / 60, 10 / 60, 5 / 60, 2 / 60, 1 / 60, 30 / 3600, 15 / 3600, 10 / 3600, 5 / 3600, 2 / 3600, 1 / 3600];

const Graticule = Sheet.extend({
  draw(ctx, view) {
    const step = STEPS.find((size) => (size / 360) * view.scale < 190) || STEPS[STEPS.length - 1];
    const lat = (share) => turn(0, share).lat;
    const south = (degrees) => { const s = Math.sin((degrees * Math.PI) / 180); return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI); };
    ctx.strokeStyle = 'rgba(120, 104, 66, 0.20)';
    ctx.fillStyle = 'rgba(104, 90, 58, 0.75)';
    ctx.lineWidth = 1;
    ctx.font = `10px ${FONT}`;
    const size = this._map.getSize();
    const base = this._map.containerPointToLayerPoint([0, 0]).subtract(this._bounds.min);
    ctx.beginPath();
    for (let at = Math.ceil((view.left - 0.5) * 360 / step); at * step <= (view.right - 0.5) * 360; at++) {
      const x = Math.round(((at * step) / 360 + 0.5) * view.scale - view.x) + 0.5;
      ctx.moveTo(x, 0);
      ctx.lineTo(x, view.height);
      ctx.fillText(degrees(at * step, step, 'EW'), x + 4, base.y + size.y - 6);
    }
    const low = Math.max(-84, lat(Math.min(0.999, view.bottom))), high = Math.min(84, lat(Math.max(0.001, view.top)));
    for (let at = Math.ceil(low / step); at * step <= high; at++) {
      const y = Math.round(south(at * step) * view.scale - view.y) + 0.5;
      ctx.moveTo(0, y);
      ctx.lineTo(view.width, y);
      ctx.fillText(degrees(at * step, step, 'NS'), base.x + size.x - 74, y - 4);
    }
    ctx.stroke();
  },
});

function degrees(value, step, signs) {
  const seconds = Math.round(Math.abs(value) * 3600);
  const pad = (part) => String(part).padStart(2, '0');
  const d = Math.floor(seconds / 3600), m = Math.floor((seconds % 3600) / 60), s = seconds % 60;
  const sign = value < 0 ? signs[1] : signs[0];
  return `${d}°${step < 1 ? `${pad(m)}′` : ''}${step < 1 / 60 ? `${pad(s)}″` : ''}${sign}`;
}
