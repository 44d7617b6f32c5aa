// How a folium map gets our layers: a Leaflet group that opens its data when first shown; a click shows every field as text.

const KINDS = { points: PointSheet, lines: LineSheet, polygons: PolygonSheet };
const REACH_PX = { points: 11, lines: 7, polygons: 0 };
const packed = new Map();
const unpackedOf = new Map();
let made = 0;

// Two layers of the same data, as on a page with two maps, are unpacked once.
function unpackOnce(key) {
  if (!unpackedOf.has(key)) unpackedOf.set(key, unpack(packed.get(key)));
  return unpackedOf.get(key);
}

const PackedLayer = L.LayerGroup.extend({
  initialize(key, options) {
    L.LayerGroup.prototype.initialize.call(this, [], options);
    this.key = key;
    this.order = (made += 1);
    this.paneName = `outfall${this.order}Pane`;
    this.opacity = this.options.opacity;
  },

  // A pane of its own keeps the order in which layers were added, and can be clipped and made clearer as one.
  onAdd(map) {
    const pane = map.getPane(this.paneName) || map.createPane(this.paneName, map.getPane(this.options.pane || 'overlayPane'));
    Object.assign(pane.style, { zIndex: String(1 + this.order), pointerEvents: 'none' });
    this.pane = pane;
    this.setOpacity(this.opacity);
    L.LayerGroup.prototype.onAdd.call(this, map);
    listenTo(map).layers.add(this);
    if (this.data) drawLegend(map);
    else this.opening = this.opening || unpackOnce(this.key).then((data) => this.open(data));
  },

  onRemove(map) {
    L.LayerGroup.prototype.onRemove.call(this, map);
    map.outfall.layers.delete(this);
    drawLegend(map);
  },

  open(data) {
    this.data = data;
    this.sheets = data.layers.map((layer) => this.sheetOf(layer));
    this.sheets.forEach((sheet) => this.addLayer(sheet));
    if (this._map) drawLegend(this._map);
    this.fire('unpacked');
    window.outfallMaps.unpacked += 1;
  },

  sheetOf(layer) {
    if (layer.kind !== 'raster') return new KINDS[layer.kind](layer, { pane: this.paneName, lang: this.data.lang });
    const [west, south, east, north] = layer.bounds;
    return L.imageOverlay(this.data.image(layer.image), [[south, west], [north, east]], { pane: this.paneName, alt: called(layer) });
  },

  getBounds() { return L.latLngBounds(this.options.bounds || []); },

  getContainer() { return this.pane; },

  setOpacity(share) {
    this.opacity = share;
    if (this.pane) this.pane.style.opacity = String(share);
    return this;
  },

  // The order of the layers is the order in which they were added.
  setZIndex() { return this; },

  bringToFront() { return this; },

  bringToBack() { return this; },
});

function listenTo(map) {
  if (map.outfall) return map.outfall;
  const state = (map.outfall = { layers: new Set(), legend: null });
  map.on('click', (event) => {
    const hit = under(state, event.latlng);
    if (hit) L.popup({ maxWidth: 420, minWidth: 180, autoPanPadding: [12, 12] }).setLatLng(event.latlng).setContent(popupOf(hit)).openOn(map);
  });
  let isWaiting = false;
  map.on('mousemove', (event) => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      map.getContainer().style.cursor = under(state, event.latlng) ? 'pointer' : '';
    });
  });
  return state;
}

// Points lie over lines and lines over areas for the pointer; among equals the last added wins.
function under(state, latlng) {
  const rank = { points: 0, lines: 1, polygons: 2 };
  const sheets = [...state.layers].filter((layer) => layer.sheets).flatMap((layer) => layer.sheets.filter((sheet) => sheet.hit).map((sheet) => ({ sheet, layer })));
  sheets.sort((one, other) => rank[one.sheet.layer.kind] - rank[other.sheet.layer.kind] || other.layer.order - one.layer.order);
  for (const { sheet, layer } of sheets) {
    const row = sheet.hit(latlng, REACH_PX[sheet.layer.kind]);
    if (row >= 0) return { data: layer.data, layer: sheet.layer, row };
  }
  return null;
}

function popupOf({ data, layer, row }) {
  app.data = data;
  app.lang = data.lang;
  app.layers = { [layer.name]: layer };
  const cell = { padding: '2px 10px 2px 0', verticalAlign: 'top', overflowWrap: 'anywhere' };
  const rows = layer.popup.map((name) => [layer.column[name], layer.column[name] ? shown(layer.column[name], row) : null]).filter((pair) => pair[1] !== null && pair[1] !== '');
  return el('div', { class: 'outfall-popup', style: { maxHeight: '320px', overflow: 'auto', font: '13px/1.5 sans-serif' } },
    el('b', { style: { fontSize: '14px', overflowWrap: 'anywhere' } }, titleOf(layer.name, row)),
    el('table', { style: { borderCollapse: 'collapse', marginTop: '4px' } }, rows.map(([column, text]) => el('tr', {}, el('td', { style: { ...cell, color: '#5d6a74', minWidth: '5em' } }, called(column)), el('td', { style: cell }, text)))),
    photosIn(data, layer, row));
}

function photosIn(data, layer, row) {
  const column = layer.column.photo_ids;
  const ids = column ? String(column.at(row) || '').split(';').map((id) => id.trim()) : [];
  const photos = ids.map((id) => data.photos[id]).filter(Boolean);
  for (const photo of photos) photo.url = photo.url || data.image(photo.image);
  return photos.map((photo) => el('img', { src: photo.url, alt: photo.file, title: photo.file, style: { maxWidth: '100%', display: 'block', marginTop: '6px', borderRadius: '3px' } }));
}

window.outfallMaps = {
  put(key, text) { packed.set(key, text); },
  layer: (key, options) => new PackedLayer(key, options),
  unpacked: 0,
};
