// Which rows of a layer are drawn, and as what: classes by a column, filters, the nearest to a position. Whoever draws them shares this.

const SHAPE_OF = { points: 'circle', lines: 'line', polygons: 'area' };

const ROWS = {
  keep(layer) {
    this.layer = layer;
    this.grid = new Grid(layer.shape);
    this.hidden = new Set();
    this.filters = new Map();
    this.classify(layer.style);
  },

  classify(style) {
    const { layer } = this;
    this.style = style;
    this.looks = (layer.styles && layer.styles[style]) || [];
    this.classes = new Uint16Array(layer.n);
    this.counts = new Array(Math.max(1, this.looks.length)).fill(0);
    if (!this.looks.length) {
      this.looks = [{ value: '', zh: layer.zh, en: layer.en, colour: '#0072B2', edge: '#ffffff', shape: SHAPE_OF[layer.kind], letter: '' }];
      this.counts[0] = layer.n;
    } else if (layer.column[style].type === 'number') {
      classifyNumbers(layer.column[style], this.looks, this.classes, this.counts);
    } else {
      const column = layer.column[style];
      const known = new Map(this.looks.map((look, at) => [look.value, at]));
      const ofCode = [known.get('') || 0, ...column.values.map((value) => known.get(value) || 0)];
      for (let row = 0; row < layer.n; row++) this.counts[(this.classes[row] = ofCode[column.codes[row]])]++;
    }
    this.hidden = new Set();
    this.redraw();
    return this;
  },

  look(row) { return this.looks[this.classes[row]]; },

  // A row is drawn if its class is shown and everyone who narrows the layer lets it through.
  isDrawn(row) {
    if (this.hidden.has(this.classes[row]) || (this.only && !this.only(row))) return false;
    for (const lets of this.filters.values()) if (!lets(row)) return false;
    return true;
  },

  isNarrowed() { return Boolean(this.hidden.size || this.only || this.filters.size); },

  // Returns the row under a position on the map, or -1.
  hit(latlng, reachPx) {
    if (!this._map) return -1;
    const zoom = this._map.getZoom();
    const scale = 256 * 2 ** zoom;
    const point = this._map.project(latlng, zoom);
    const best = this.grid.nearest(point.x / scale, point.y / scale, reachPx / scale, (row) => this.isDrawn(row));
    return best ? this.layer.shape.row[best.part] : -1;
  },

  getBounds() {
    const [w, t, e, b] = this.grid.all;
    if (!Number.isFinite(w)) return L.latLngBounds([]);
    const turn = (x, y) => L.CRS.EPSG3857.pointToLatLng(L.point(x * 256, y * 256), 0);
    return L.latLngBounds(turn(w, b), turn(e, t));
  },
};
