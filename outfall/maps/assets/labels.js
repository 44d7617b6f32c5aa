// Which names are written on the map: as many as fit, the important ones first, never one on another.

const LabelSheet = Sheet.extend({
  draw(ctx, view) {
    const taken = [];
    ctx.textBaseline = 'middle';
    ctx.lineJoin = 'round';
    this.marks(ctx, view, taken);
    const sheets = [...app.data.layers].reverse().filter((layer) => layer.label).map((layer) => app.sheets[layer.name]).filter((sheet) => sheet && sheet._map);
    const points = sheets.filter((sheet) => sheet.layer.kind === 'points').map((sheet) => ({ sheet, parts: this.block(view, sheet, taken) }));
    for (const sheet of sheets) if (sheet.layer.kind === 'lines') this.lines(ctx, view, sheet, taken);
    for (const { sheet, parts } of points) this.points(ctx, view, sheet, parts, taken);
    this.chosen(ctx, view);
  },

  // What is selected lies on top of whatever stands at the same place.
  chosen(ctx, view) {
    const { selected } = app;
    const spot = selected && app.layers[selected.layer].kind === 'points' && place(selected.layer, selected.row);
    const sheet = spot && app.sheets[selected.layer];
    if (!spot || !sheet._map || !sheet.isDrawn(selected.row) || (app.swipe && !app.swipe.covers(selected.layer, L.latLng(spot.lat, spot.lon)))) return;
    const made = symbol(sheet.look(selected.row), Math.max(8, sheet.radius || 0), app.lang, view.ratio);
    ctx.drawImage(made.canvas, spot.x * view.scale - view.x - made.half, spot.y * view.scale - view.y - made.half, 2 * made.half, 2 * made.half);
  },

  // Symbols take their room before any name does.
  block(view, sheet, taken) {
    const parts = sheet.parts || sheet.inView(view, 0);
    if (parts.length > 400 || sheet.groups || sheet.isSurface) return [];
    const { east, south } = sheet.layer.shape;
    const r = (sheet.radius || 8) - 1;
    for (const part of parts) {
      const x = east[part] * view.scale - view.x, y = south[part] * view.scale - view.y;
      taken.push([x - r, y - r, x + r, y + r]);
    }
    return parts;
  },

  points(ctx, view, sheet, parts, taken) {
    const { layer } = sheet;
    const isMain = layer.name === 'outfalls';
    if (view.zoom < (isMain ? 13 : 15)) return;
    const column = layer.column[layer.label];
    const { east, south, row } = layer.shape;
    const r = sheet.radius || 8;
    ctx.font = `${isMain ? 600 : 500} ${isMain ? 11 : 10.5}px ${FONT}`;
    ctx.textAlign = 'left';
    for (const part of parts) {
      const text = sheet.dim && !sheet.dim.has(row[part]) ? '' : short(column.at(row[part]), isMain ? 18 : 14);
      if (!text) continue;
      const x = east[part] * view.scale - view.x, y = south[part] * view.scale - view.y;
      const width = ctx.measureText(text).width;
      const places = [[x + r + 5, y], [x - r - 5 - width, y], [x - width / 2, y + r + 10], [x - width / 2, y - r - 10]];
      const at = places.find(([left, middle]) => isFree(taken, [left - 2, middle - 7, left + width + 2, middle + 7], 1));
      if (!at) continue;
      taken.push([at[0] - 2, at[1] - 7, at[0] + width + 2, at[1] + 7]);
      halo(ctx, text, at[0], at[1], isMain ? '#1d2b36' : '#4b4638');
    }
  },

  // One name per river in view, along the longest stretch that is free.
  lines(ctx, view, sheet, taken) {
    const { layer } = sheet;
    if (view.zoom < 10) return;
    const column = layer.column[layer.label];
    const { row } = layer.shape;
    const spots = new Map();
    const parts = sheet.parts || sheet.inView(view, 0);
    if (parts.length > 4000) return;
    for (const part of parts) {
      const name = column.at(row[part]);
      if (!name) continue;
      if (!spots.has(name)) spots.set(name, []);
      spots.get(name).push(...stretches(sheet, view, part).map((spot) => ({ ...spot, look: sheet.look(row[part]) })));
    }
    for (const [name, found] of spots) {
      const text = [...short(name, 16)].join('\u2009');
      ctx.font = `italic 600 13px ${FONT}`;
      const width = ctx.measureText(text).width;
      for (const spot of found.sort((one, other) => other.length - one.length).slice(0, 12)) {
        if (spot.length < width * 0.6) break;
        if ([0, -17, 17].some((off) => this.along(ctx, text, width, spot, off, taken))) break;
      }
    }
  },

  along(ctx, text, width, spot, off, taken) {
    const isWater = spot.look.edge && spot.look.edge !== '#ffffff';
    const angle = Math.abs(spot.angle) > Math.PI / 2 ? spot.angle + Math.PI : spot.angle;
    const cx = spot.x - Math.sin(angle) * (off || (isWater ? 0 : -11)), cy = spot.y + Math.cos(angle) * (off || (isWater ? 0 : -11));
    const boxes = [-0.4, -0.2, 0, 0.2, 0.4].map((share) => [cx + Math.cos(angle) * width * share, cy + Math.sin(angle) * width * share]).map(([x, y]) => [x - 8, y - 8, x + 8, y + 8]);
    if (!boxes.every((box) => isFree(taken, box, 0))) return false;
    taken.push(...boxes);
    ctx.save();
    ctx.translate(cx, cy);
    ctx.rotate(angle);
    ctx.textAlign = 'center';
    halo(ctx, text, 0, 0, isWater ? '#1b5a86' : spot.look.colour);
    ctx.restore();
    return true;
  },

  // How probable the lit ends are, as tags beside them.
  marks(ctx, view, taken) {
    const base = view.isPaper ? L.point(0, 0) : this._map.containerPointToLayerPoint([0, 0]).subtract(this._bounds.min);
    const size = view.isPaper ? L.point(view.width, view.height) : this._map.getSize();
    const isInside = (left, top, width) => left > base.x + 4 && left + width < base.x + size.x - 4 && top > base.y + 4 && top < base.y + size.y - 24;
    ctx.textAlign = 'left';
    ctx.font = `600 11.5px ${FONT}`;
    const chosen = app.selected && place(app.selected.layer, app.selected.row);
    const ends = chosen ? [...app.paths.marks, chosen] : app.paths.marks;
    for (const end of ends) {
      const x = end.x * view.scale - view.x, y = end.y * view.scale - view.y;
      taken.push([x - 13, y - 13, x + 13, y + 13]);
    }
    for (const mark of [...app.paths.marks].sort((one, other) => other.share - one.share).slice(0, 12)) {
      const x = mark.x * view.scale - view.x, y = mark.y * view.scale - view.y;
      const text = `${percent(mark.share)}  ${short(mark.name, 16)}`;
      const width = ctx.measureText(text).width + 14;
      const places = [[x + 18, y - 10], [x - 18 - width, y - 10], [x - width / 2, y - 37], [x - width / 2, y + 18], [x + 12, y - 34], [x + 12, y + 15], [x - 12 - width, y - 34], [x - 12 - width, y + 15]];
      const spot = places.find(([left, top]) => isInside(left, top, width) && isFree(taken, [left, top, left + width, top + 20], 1));
      if (!spot) continue;
      taken.push([spot[0], spot[1], spot[0] + width, spot[1] + 20]);
      ctx.fillStyle = 'rgba(255, 250, 240, 0.97)';
      ctx.strokeStyle = '#d9660a';
      ctx.lineWidth = 1;
      tracePill(ctx, spot[0], spot[1], width, 20);
      ctx.fill();
      ctx.stroke();
      ctx.fillStyle = '#7a3600';
      ctx.fillText(text, spot[0] + 7, spot[1] + 10.5);
    }
    drawHours(ctx, view, taken);
  },
});

// The straight stretches of a line in view. Short steps are joined until they can carry a letter or two.
function stretches(sheet, view, part) {
  const { east, south, start } = sheet.layer.shape;
  const found = [];
  let x0 = null, y0 = null;
  for (let k = start[part]; k < start[part + 1]; k++) {
    const x = east[k] * view.scale - view.x, y = south[k] * view.scale - view.y;
    if (x0 !== null) {
      const length = Math.hypot(x - x0, y - y0);
      if (length < 42 && k < start[part + 1] - 1) continue;
      const mx = (x + x0) / 2, my = (y + y0) / 2;
      if (mx > 40 && my > 40 && mx < view.width - 40 && my < view.height - 40) found.push({ x: mx, y: my, length, angle: Math.atan2(y - y0, x - x0) });
    }
    x0 = x;
    y0 = y;
  }
  return found;
}

function tracePill(ctx, x, y, width, height) {
  const r = height / 2;
  ctx.beginPath();
  ctx.arc(x + r, y + r, r, Math.PI / 2, (3 * Math.PI) / 2);
  ctx.arc(x + width - r, y + r, r, -Math.PI / 2, Math.PI / 2);
  ctx.closePath();
}

function isFree(taken, box, gap) {
  const left = box[0] - gap, top = box[1] - gap, right = box[2] + gap, bottom = box[3] + gap;
  for (let k = 0; k < taken.length; k++) {
    const other = taken[k];
    if (left < other[2] && right > other[0] && top < other[3] && bottom > other[1]) return false;
  }
  return true;
}

function halo(ctx, text, x, y, colour) {
  ctx.lineWidth = 3.4;
  ctx.strokeStyle = 'rgba(250, 248, 241, 0.92)';
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}
