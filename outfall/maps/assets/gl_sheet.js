// What lies on the map in three dimensions: layers cut into tiles here and drawn by the engine, pictures, and what was chosen.

const FINEST = 18;
const MOST_STAMPS = 400;
const MOST_BANKS = 3000;
const NAMES_FROM = { points: 15, lines: 10, polygons: Infinity };

class GlSheet {
  constructor(layer, options) {
    this.options = options;
    this.at = options.at;
    this.radius = options.radius;
    this.turn = 0;
    this.finest = 16;
    this.namesFrom = layer.name === 'outfalls' ? 13 : NAMES_FROM[layer.kind];
    this.keep(layer);
    const { ring, column } = layer, share = layer.kind === 'lines' && column.forward_share;
    if (layer.kind === 'points' && ring) this.more = (row) => (column[ring].at(row) === 'yes' ? [2, 1] : null);
    if (share) this.more = (row) => { const forward = share.at(row); return forward === null || forward >= 0.8 ? [3, 1] : forward <= 0.2 ? [3, 0] : null; };
    this.crowdedTo = layer.kind === 'polygons' ? 0 : crowdedTo(layer.shape, layer.kind === 'points' ? MOST_STAMPS : MOST_BANKS);
  }

  install(gl) {
    this.gl = gl;
    gl.addSource(`s${this.at}`, { type: 'vector', tiles: [`outfall://${this.at}/{z}/{x}/{y}`], minzoom: 0, maxzoom: FINEST });
    // What comes later comes in below this one, so that no sheet changes its place.
    gl.addLayer({ id: `end${this.at}`, type: 'background', layout: { visibility: 'none' } });
    this.dress();
  }

  dress() {
    const { gl } = this;
    for (const id of this.ids || []) gl.removeLayer(id);
    dropSymbols(gl, this);
    this.turn++;
    addSymbols(gl, this);
    this.ids = lookLayers(this).map(({ isName, ...look }, k) => {
      const id = `${this.at}.${k}`;
      const visibility = this._map ? 'visible' : 'none';
      gl.addLayer({ ...look, layout: { ...look.layout, visibility }, id, source: `s${this.at}`, 'source-layer': 'rows' }, isName ? 'names' : `end${this.at}`);
      return id;
    });
    this.dressed = this.looks;
    this.lang = app.lang;
  }

  addTo(view) {
    this._map = view;
    view.shown.add(this);
    this.show('visible');
    return this;
  }

  remove() {
    if (this._map) this._map.shown.delete(this);
    this._map = null;
    this.show('none');
  }

  show(visibility) {
    for (const id of this.ids || []) this.gl.setLayoutProperty(id, 'visibility', visibility);
  }

  // Tiles are cut anew only where other rows are let through, or in other classes.
  redraw() {
    if (this.frame || !this.gl) return this;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      const isNew = this.dressed !== this.looks;
      const isDressed = isNew || (this.lang !== app.lang && this.layer.kind === 'points');
      if (isDressed) this.dress();
      const lets = [this.looks, this.only || null, ...[...this.hidden].sort(), ...this.filters.values()];
      if (!this.lets || lets.length !== this.lets.length || lets.some((one, k) => one !== this.lets[k])) {
        // New clothes make the engine read its old tiles once more; new ones are asked for after that, or the old might come last.
        const refresh = () => this.gl.refreshTiles(`s${this.at}`);
        if (isDressed) this.gl.once('idle', refresh);
        else refresh();
      }
      this.lets = lets;
    });
    return this;
  }
}

Object.assign(GlSheet.prototype, ROWS);

// The first zoom at which no tile holds so many features that their symbols or banks would hide each other.
function crowdedTo({ east, south, start, row }, mostWanted) {
  for (let z = 0; z < FINEST; z++) {
    const count = new Map(), scale = 2 ** z;
    let most = 0;
    for (let part = 0; part < row.length; part++) {
      const k = start ? start[part] : part;
      const tile = Math.floor(east[k] * scale) * 2 ** 20 + Math.floor(south[k] * scale), now = (count.get(tile) || 0) + 1;
      count.set(tile, now);
      if (now > most && (most = now) > mostWanted) break;
    }
    if (most <= mostWanted) return z;
  }
  return FINEST;
}

class GlRaster {
  constructor(layer, options) {
    this.layer = layer;
    this.at = options.at;
    this.options = { opacity: layer.opacity };
  }

  install(gl) {
    const [west, south, east, north] = this.layer.bounds;
    this.gl = gl;
    gl.addSource(`s${this.at}`, { type: 'image', url: `outfall://picture/${this.at}`, coordinates: [[west, north], [east, north], [east, south], [west, south]] });
    gl.addLayer({
      id: `${this.at}.0`, type: 'raster', source: `s${this.at}`, layout: { visibility: this._map ? 'visible' : 'none' },
      paint: { 'raster-opacity': this.options.opacity, 'raster-fade-duration': 0, 'raster-resampling': this.layer.plane ? 'nearest' : 'linear' },
    });
    this.ids = [`${this.at}.0`];
  }

  setOpacity(opacity) {
    this.options.opacity = opacity;
    this.gl.setPaintProperty(this.ids[0], 'raster-opacity', opacity);
  }

  getBounds() { const [west, south, east, north] = this.layer.bounds; return L.latLngBounds([[south, west], [north, east]]); }

  redraw() { return this; }
}

for (const name of ['addTo', 'remove', 'show']) GlRaster.prototype[name] = GlSheet.prototype[name];

// Everything the engine asks for is answered here: no address of it ever leaves the page.
function answerEngine() {
  maplibregl.addProtocol('outfall', async ({ url }) => {
    const [first, ...rest] = url.slice('outfall://'.length).split('/');
    if (first === 'picture') return { data: app.data.bytes(app.data.layers[Number(rest[0])].image).slice().buffer };
    const sheet = app.sheets[app.data.layers[Number(first)].name];
    return { data: cutTile(sheet, ...rest.map(Number)) };
  });
}

// The one thing that was chosen, as the engine wants it for a single shape.
function chosenShape() {
  const { selected } = app;
  const nothing = { type: 'FeatureCollection', features: [] };
  if (!selected || !app.map.hasLayer(app.sheets[selected.layer])) return nothing;
  const { shape, partOf, kind } = app.layers[selected.layer];
  const degrees = (k) => { const { lng, lat } = L.CRS.EPSG3857.pointToLatLng({ x: shape.east[k] * 256, y: shape.south[k] * 256 }); return [lng, lat]; };
  const run = (from, to) => Array.from({ length: to - from }, (_, k) => degrees(from + k));
  const features = [];
  const put = (type, coordinates) => features.push({ type: 'Feature', properties: {}, geometry: { type, coordinates } });
  for (let part = partOf[selected.row]; part >= 0 && part < shape.row.length && shape.row[part] === selected.row; part++) {
    if (kind === 'points') put('Point', degrees(part));
    else if (kind === 'lines') put('LineString', run(shape.start[part], shape.start[part + 1]));
    else for (let r = shape.ring[part]; r < shape.ring[part + 1]; r++) put('LineString', [...run(shape.ringStart[r], shape.ringStart[r + 1]), degrees(shape.ringStart[r])]);
  }
  return { type: 'FeatureCollection', features };
}

function installChosen(gl) {
  const source = 'chosen';
  gl.addSource(source, { type: 'geojson', data: chosenShape(), tolerance: 0.1 });
  gl.addLayer({ id: 'chosen.line', type: 'line', source, filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': '#d9660a', 'line-width': 4, 'line-opacity': 0.85 } }, 'names');
  gl.addLayer({ id: 'chosen.point', type: 'circle', source, filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 14, 'circle-color': 'rgba(217, 102, 10, 0.14)', 'circle-stroke-color': '#d9660a', 'circle-stroke-width': 2.4 } });
  on('select', () => gl.getSource(source).setData(chosenShape()));
  on('filter', () => gl.getSource(source).setData(chosenShape()));
}
