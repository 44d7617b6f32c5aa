// What lies on the paper: the layers that are on, drawn for any extent, size and resolution into one canvas.

const PX_MM = 96 / 25.4;

// Metres on the ground of the whole width of the Mercator square, at a latitude.
function squareMetres(lat) {
  const { a, f } = WGS84, e2 = f * (2 - f), s = Math.sin(lat * RAD), w = 1 - e2 * s * s;
  const across = a / Math.sqrt(w), along = (a * (1 - e2)) / w ** 1.5;
  return 2 * Math.PI * Math.cos(lat * RAD) * Math.sqrt(across * along);
}

// The window of a paper frame: its centre in lon, lat, its size in millimetres and its scale number.
function paperView(centre, widthMm, heightMm, scaleNumber, ratio) {
  const width = widthMm * PX_MM, height = heightMm * PX_MM;
  const scale = (squareMetres(centre.lat) * PX_MM * 1000) / scaleNumber;
  const { x: east, y: south } = L.CRS.EPSG3857.latLngToPoint(L.latLng(centre.lat, centre.lng), 0);
  const x = (east / 256) * scale - width / 2, y = (south / 256) * scale - height / 2;
  return { scale, x, y, width, height, left: x / scale, top: y / scale, right: (x + width) / scale, bottom: (y + height) / scale, zoom: Math.log2(scale / 256), ratio, isPaper: true };
}

const drawnSheets = (kind) => app.data.layers.filter((layer) => layer.kind === kind && app.map.hasLayer(app.sheets[layer.name])).map((layer) => app.sheets[layer.name]);

// Draws what is shown; a sheet that a browser would not let us read back is left out and named.
function compose(view, isGrey) {
  const made = el('canvas');
  made.width = Math.round(view.width * view.ratio);
  made.height = Math.round(view.height * view.ratio);
  const whole = made.getContext('2d');
  whole.fillStyle = isGrey ? '#ffffff' : '#fbf9f3';
  whole.fillRect(0, 0, made.width, made.height);
  const aside = el('canvas');
  aside.width = made.width;
  aside.height = made.height;
  const ctx = aside.getContext('2d', { willReadFrequently: true });
  const without = [];
  const stamp = (sheet, share, isPicture) => {
    if (!sheet || !sheet.draw) return;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, aside.width, aside.height);
    ctx.scale(view.ratio, view.ratio);
    const looks = sheet.looks;
    if (isGrey && looks) sheet.looks = greyLooks(looks, sheet.layer.kind);
    try { ctx.save(); sheet.draw(ctx, view); ctx.restore(); if (isPicture) ctx.getImageData(0, 0, 1, 1); } catch (error) { without.push(sheet.layer ? called(sheet.layer) : say('print.base')); return; } finally { if (looks) sheet.looks = looks; }
    whole.globalAlpha = share === undefined ? 1 : share;
    whole.filter = isGrey ? 'grayscale(1)' : 'none';
    whole.drawImage(aside, 0, 0);
    whole.globalAlpha = 1;
    whole.filter = 'none';
  };
  if (app.stampBase) app.stampBase((sheet, share) => stamp(sheet, share, true));
  drawnSheets('raster').forEach((sheet) => stamp(sheet, undefined, true));
  drawnSheets('polygons').forEach((sheet) => stamp(sheet));
  drawnSheets('lines').forEach((sheet) => stamp(sheet));
  stamp(app.paths);
  drawnSheets('points').forEach((sheet) => stamp(sheet));
  stamp(app.over);
  stamp(app.names);
  return { canvas: made, without };
}

// Looks that stay apart without colour: points keep shape and letter and get steps of grey, lines get dashes of their own.
const DASHES = [[], [9, 3], [2, 3], [9, 3, 2, 3], [5, 2], [14, 4], [1, 2], [12, 3, 2, 3, 2, 3]];

function greyLooks(looks, kind) {
  let dash = 0;
  return looks.map((look, at) => {
    const share = looks.length > 1 ? at / (looks.length - 1) : 0;
    const tone = (value) => { const part = Math.round(255 * value).toString(16).padStart(2, '0'); return `#${part}${part}${part}`; };
    if (kind === 'points') return { ...look, colour: tone(0.1 + 0.36 * share), edge: '#ffffff' };
    if (kind === 'polygons') return { ...look, colour: tone(0.45 + 0.4 * share) };
    const isWater = look.edge && look.edge !== '#ffffff';
    if (isWater) return { ...look, colour: tone(0.86), edge: tone(0.45) };
    return { ...look, colour: tone(0.12), width: (look.width || 2) * 0.9, dash: DASHES[dash++ % DASHES.length] };
  });
}

function greyOf(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const part = Math.round(0.2126 * red + 0.7152 * green + 0.0722 * blue).toString(16).padStart(2, '0');
  return `#${part}${part}${part}`;
}

// The classes that occur on the paper, layer by layer, the topmost first.
function shownClasses(view, isGrey) {
  const groups = [];
  for (const layer of [...app.data.layers].reverse()) {
    const sheet = app.sheets[layer.name];
    if (!app.map.hasLayer(sheet)) continue;
    if (layer.kind === 'raster') {
      groups.push({ title: called(layer) + (layer.unit ? ` (${layer.unit})` : ''), rows: (layer.classes || []).map(([label, colour]) => ({ label, colour: isGrey && /^#[0-9a-f]{6}$/i.test(colour) ? greyOf(colour) : colour })) });
      continue;
    }
    if (!layer.n) continue;
    const found = new Set();
    for (const part of sheet.grid.find(view.left, view.top, view.right, view.bottom)) { const row = layer.shape.row[part]; if (sheet.isDrawn(row)) found.add(sheet.classes[row]); }
    const looks = isGrey ? greyLooks(sheet.looks, layer.kind) : sheet.looks;
    if (found.size) groups.push({ title: called(layer), rows: [...found].sort((one, other) => one - other).map((at) => ({ label: called(looks[at]), picture: swatch(looks[at], app.lang, layer.kind) })) });
  }
  if (lit.mode !== 'off') {
    const ends = [0, ...lit.breaks, lit.most];
    groups.unshift({ title: say(!flowOf().isTimed ? 'journey.by.metres' : lit.walk.isUp ? 'journey.by.hours.up' : 'journey.by.hours.down').replace(/^[^：:]*[：:]\s*/, ''), rows: ends.slice(0, -1).map((low, at) => ({ label: `${at ? costSaid(low) : '0'} – ${costSaid(ends[at + 1])}`, colour: isGrey ? greyOf(SHADES[at]) : SHADES[at] })) });
  }
  return groups;
}
