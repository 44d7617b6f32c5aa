// How base maps lie under everything: tiles of pictures or of shapes, from inside the page, a chosen file or chosen hosts.

const KEPT_TILES = 360;
const DEEPEST_HELP = 6;

const TileSheet = Sheet.extend({
  options: { padding: 0.22, pane: 'base', className: 'sheet-base', opacity: 1 },

  initialize(base, options) {
    L.setOptions(this, options);
    Sheet.prototype.initialize.call(this, this.options);
    this.base = base;
    this.tiles = new Map();
    this.failed = 0;
  },

  onAdd(map) {
    Sheet.prototype.onAdd.call(this, map);
    this.setOpacity(this.options.opacity);
    return this;
  },

  setOpacity(share) {
    this.options.opacity = share;
    if (this._container) this._container.style.opacity = String(share);
    return this;
  },

  // Asks for the tiles of a view and says when they are there (or three seconds are over), so that paper is not left white.
  async prepare(view) {
    const late = new Promise((done) => { setTimeout(done, 3000); });
    for (let round = 0; round < 3; round++) {
      this.tilesIn(view);
      const awaited = [...this.tiles.values()].filter((tile) => tile.isWaiting).map((tile) => tile.promise);
      if (!awaited.length) return;
      await Promise.race([late, Promise.all(awaited)]);
    }
  },

  tilesIn(view) {
    const { base } = this;
    if ((base.needsKey && !base.key) || view.zoom < base.min - 3) return [];
    const z = this.zoomOf(view), found = [];
    const [left, top, right, bottom] = coverTiles(z, [view.left, view.top, view.right, view.bottom], base.datum);
    for (let y = top; y <= bottom; y++) for (let x = left; x <= right; x++) found.push(...this.standIns(z, x, y));
    return found.sort((one, other) => one.z - other.z);
  },

  // The zoom whose tiles are drawn: those of a picture as near to its own size as can be, those of shapes no deeper than they are.
  zoomOf(view) {
    const { base } = this;
    const wanted = base.type === 'mvt' ? Math.floor(view.zoom + 0.01) : Math.round(view.zoom);
    return Math.max(base.min, Math.min(base.max, wanted));
  },

  draw(ctx, view) {
    const { base } = this;
    const found = this.tilesIn(view);
    if (base.type === 'mvt') paintShapes(ctx, view, found);
    else this.paintPictures(ctx, view, found);
    this.forget();
  },

  // One tile that is there, or the part of a tile above it that stands in for it while it is not.
  standIns(z, x, y) {
    const { base } = this;
    let isWaiting = false;
    for (let up = 0; up <= DEEPEST_HELP && z - up >= base.min; up++) {
      const step = 2 ** up;
      const tile = this.tileAt(z - up, Math.floor(x / step), Math.floor(y / step), up === 0 || (Boolean(base.find) && !isWaiting));
      isWaiting = isWaiting || tile.isWaiting;
      if (tile.content) {
        const size = 1 / step;
        return [{ z: z - up, x: tile.x, y: tile.y, tile, place: tile.place, part: [(x % step) * size, (y % step) * size, size], isWhole: up === 0 }];
      }
    }
    return [];
  },

  tileAt(z, x, y, isAsked) {
    const { base } = this;
    const name = `${z}/${x}/${y}`;
    const known = this.tiles.get(name);
    if (known) {
      this.tiles.delete(name);
      this.tiles.set(name, known);
      return known;
    }
    const tile = { z, x, y, place: placeTile(z, x, y, base.datum), content: null, isWaiting: false };
    if (!isAsked) return tile;
    this.tiles.set(name, tile);
    this.ask(tile);
    return tile;
  },

  ask(tile) {
    const { base } = this;
    tile.isWaiting = true;
    const done = (content) => { tile.content = content; tile.isWaiting = false; this.redraw(); };
    const failed = () => { tile.isWaiting = false; this.failed++; this.redraw(); };
    const held = base.find ? base.find(tile.z, tile.x, tile.y) : askPictures(base, tile);
    if (held instanceof Promise) tile.promise = held.then((bytes) => (base.find ? readTile(base, bytes) : bytes)).then(done, failed);
    else if (held) tile.promise = readTile(base, held).then(done, failed);
    else tile.isWaiting = false;
  },

  // Pictures lie exactly where they belong. Under each, the same picture a pixel larger closes the seam that
  // smoothing leaves between neighbours which do not end on whole pixels.
  paintPictures(ctx, view, found) {
    const isShifted = this.base.datum === 'gcj02' || this.base.datum === 'bd09';
    for (const rim of isShifted ? [1, 0] : [0]) {
      for (const { tile, place, part } of found) {
        for (const picture of tile.content) this.stamp(ctx, view, picture, place, part, isShifted, rim);
      }
    }
  },

  stamp(ctx, view, picture, place, [u, v, size], isShifted, rim) {
    const [a, b, c, d, e, f] = place.map((value) => value * view.scale);
    const x = e + a * u + c * v - view.x, y = f + b * u + d * v - view.y;
    const width = picture.width || picture.naturalWidth, height = picture.height || picture.naturalHeight;
    const from = [u * width, v * height, size * width, size * height];
    ctx.save();
    ctx.imageSmoothingQuality = 'high';
    if (isShifted) {
      ctx.transform(a * size, b * size, c * size, d * size, x, y);
      ctx.drawImage(picture, ...from, -rim / (a * size), -rim / (d * size), 1 + (2 * rim) / (a * size), 1 + (2 * rim) / (d * size));
    } else {
      const snap = (value) => Math.round(value * view.ratio) / view.ratio;
      const west = snap(x), north = snap(y);
      ctx.drawImage(picture, ...from, west, north, snap(x + a * size) - west, snap(y + d * size) - north);
    }
    ctx.restore();
  },

  forget() {
    for (const name of this.tiles.keys()) {
      if (this.tiles.size <= KEPT_TILES) break;
      this.tiles.delete(name);
    }
  },
});

// The bytes of a tile as something to draw: pictures, or shapes by layer.
async function readTile(base, bytes) {
  if (!bytes || !bytes.length) return null;
  if (base.type === 'mvt') return readShapes(bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes) : bytes);
  return [await createImageBitmap(new Blob([bytes]))];
}

// All sheets of an online tile (map, then names), as images; nothing else is ever asked for.
function askPictures(base, tile) {
  return Promise.all(base.urls.map((url, at) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => (at ? done(null) : failed());
    image.src = tileUrl(base, url, tile);
  }))).then((images) => images.filter(Boolean));
}

function tileUrl(base, url, { z, x, y }) {
  const up = 2 ** z - 1 - y;
  const row = base.tms ? up : y;
  const values = { z, x, y: row, '-y': up, x16: x >> 4, y16: row >> 4, s: base.hosts[(x + y) % Math.max(1, base.hosts.length)], key: encodeURIComponent(base.key || '') };
  return url.replace(/\{([^}]+)\}/g, (whole, name) => (values[name] === undefined ? whole : String(values[name])));
}

// Tiles that travel in the page: their numbers are columns, their bytes lie in one row, equal ones once.
function openBase(base, data) {
  base.hosts = base.hosts || [];
  if (!base.index) return base;
  const [z, x, y, which, size] = rowsOfNumbers(data.bytes(base.index.numbers), base.index.counts);
  const body = data.bytes(base.index.body);
  const start = new Float64Array(size.length + 1);
  for (let k = 0; k < size.length; k++) start[k + 1] = start[k] + size[k];
  const at = new Map();
  for (let k = 0; k < z.length; k++) at.set(`${z[k]}/${x[k]}/${y[k]}`, which[k]);
  base.find = (tz, tx, ty) => {
    const found = at.get(`${tz}/${tx}/${ty}`);
    return found === undefined ? null : body.subarray(start[found], start[found + 1]);
  };
  return base;
}

// Columns of differences, one after another.
function rowsOfNumbers(bytes, counts) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  return counts.map((count) => {
    const row = new Int32Array(count);
    for (let k = 0, sum = 0; k < count; k++, at += 4) row[k] = sum += view.getInt32(at, true);
    return row;
  });
}
