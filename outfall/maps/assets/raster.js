// How pictures lie on the map, cell by cell where they are numbers, and what the pointer reads from them.

const SHARP = 1.5;
const COARSE = 8;

// Cells of numbers keep their borders: enlarged to whole pixels first, they can then be put between pixels without a blur or a shift.
function enlarged(picture, [first, upper, columns, rows], across, down) {
  const canvas = document.createElement('canvas');
  canvas.width = columns * across;
  canvas.height = rows * down;
  const ctx = canvas.getContext('2d');
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(picture, first, upper, columns, rows, 0, 0, canvas.width, canvas.height);
  return [canvas, 0, 0, canvas.width, canvas.height];
}

const RasterSheet = Sheet.extend({
  initialize(layer, options) {
    L.setOptions(this, options);
    Sheet.prototype.initialize.call(this, this.options);
    this.layer = layer;
    const [west, south, east, north] = layer.bounds;
    const turn = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
    this.box = { left: west / 360 + 0.5, right: east / 360 + 0.5, top: turn(north), bottom: turn(south) };
  },

  onAdd(map) {
    Sheet.prototype.onAdd.call(this, map);
    this._container.style.zIndex = String(1 + (this.options.at || 0));
    this.ready();
  },

  // The picture is decoded once, when it is first shown.
  ready() {
    if (!this._ready) {
      const image = new Image();
      image.src = app.data.image(this.layer.image);
      // Kept as a canvas, so that no pan decodes it again.
      this._ready = image.decode().then(() => {
        this.picture = el('canvas', {});
        this.picture.width = image.naturalWidth;
        this.picture.height = image.naturalHeight;
        this.picture.getContext('2d').drawImage(image, 0, 0);
        this.redraw();
        URL.revokeObjectURL(image.src);
      });
    }
    return this._ready;
  },

  setOpacity(opacity) {
    this.options.opacity = opacity;
    return this.redraw();
  },

  getBounds() {
    const [west, south, east, north] = this.layer.bounds;
    return L.latLngBounds([[south, west], [north, east]]);
  },

  // Only what is in view is drawn, so that one cell may be a hundred screens wide.
  draw(ctx, view) {
    if (!this.picture) return;
    const { box, picture } = this;
    const width = (box.right - box.left) / picture.width, height = (box.bottom - box.top) / picture.height;
    const first = Math.max(0, Math.floor((view.left - box.left) / width) - 1), last = Math.min(picture.width, Math.ceil((view.right - box.left) / width) + 1);
    const upper = Math.max(0, Math.floor((view.top - box.top) / height) - 1), lower = Math.min(picture.height, Math.ceil((view.bottom - box.top) / height) + 1);
    if (first >= last || upper >= lower) return;
    const across = width * view.scale * view.ratio, down = height * view.scale * view.ratio;
    const isSharp = Boolean(this.layer.plane) && Math.min(across, down) >= SHARP;
    const part = isSharp && Math.min(across, down) < COARSE ? enlarged(picture, [first, upper, last - first, lower - upper], Math.round(across), Math.round(down)) : [picture, first, upper, last - first, lower - upper];
    ctx.save();
    ctx.globalAlpha = this.options.opacity;
    ctx.imageSmoothingEnabled = !isSharp || part[0] !== picture;
    ctx.imageSmoothingQuality = 'high';
    ctx.drawImage(...part,
      (box.left + first * width) * view.scale - view.x, (box.top + upper * height) * view.scale - view.y, (last - first) * width * view.scale, (lower - upper) * height * view.scale);
    ctx.restore();
  },

  // Returns what stands in the cell under a position: {value} or {look}, or null where there is nothing.
  read(latlng) {
    const { plane } = this.layer;
    if (!plane || !this._map) return null;
    this.codes = this.codes || this.layer.codes();
    const point = L.CRS.EPSG3857.latLngToPoint(latlng, 0).divideBy(256);
    const column = Math.floor(((point.x - this.box.left) / (this.box.right - this.box.left)) * plane.size[0]);
    const row = Math.floor(((point.y - this.box.top) / (this.box.bottom - this.box.top)) * plane.size[1]);
    if (column < 0 || row < 0 || column >= plane.size[0] || row >= plane.size[1]) return null;
    const code = this.codes[row * plane.size[0] + column];
    if (!code) return null;
    return plane.step ? { value: plane.first + (code - 1) * plane.step } : { look: this.layer.classes[code - 1] };
  },
});

function stepped(value, step) {
  const digits = Math.max(0, Math.round(-Math.log10(step)));
  return (Math.abs(value) < step / 2 ? 0 : value).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Returns what a raster says at a position, in words: ['NDTI', '0.12'].
function readingOf(sheet, latlng) {
  const found = sheet.read(latlng);
  if (!found) return null;
  const { layer } = sheet;
  return [called(layer), found.look ? lookName(found.look) : `${stepped(found.value, layer.plane.step)}${layer.unit ? ` ${layer.unit}` : ''}`];
}

let reading = null;

function drawReading() {
  const node = document.getElementById('reading');
  if (!node) return;
  const spot = reading || app.map.getCenter();
  const shown = [...app.data.layers].reverse().filter((layer) => layer.plane && app.map.hasLayer(app.sheets[layer.name]) && (!app.swipe || app.swipe.covers(layer.name, spot)));
  const rows = shown.map((layer) => readingOf(app.sheets[layer.name], spot)).filter(Boolean).slice(0, 3);
  node.hidden = !rows.length;
  fill(node, rows.map(([name, value]) => el('span', { class: 'reading' }, el('span', { class: 'name', dir: 'auto' }, short(name, 24)), el('b', {}, value))));
}

feature({
  order: 5,
  start() {
    const { map, data } = app;
    if (!data.layers.some((layer) => layer.plane)) return undefined;
    document.getElementById('foot').append(el('div', { id: 'reading', role: 'status', hidden: true }));
    map.on('mousemove click', (event) => { reading = event.latlng; drawReading(); });
    map.on('mouseout', () => { reading = null; drawReading(); });
    map.on('moveend', () => { if (L.Browser.mobile) reading = null; drawReading(); });
    on('filter', drawReading);
    on('language', drawReading);
    on('swipe', drawReading);
    return Promise.all(data.layers.filter((layer) => layer.kind === 'raster' && layer.shown).map((layer) => app.sheets[layer.name].ready())).then(() => {});
  },
});
