// A canvas that lies on a Leaflet map, moves and zooms with it, and knows what is in view.

// While a page puts itself together nothing is painted: each sheet is painted once, when all stands.
let isHeld = false;

const Sheet = L.Renderer.extend({
  options: { padding: 0.22, pane: 'overlayPane', className: '' },

  _initContainer() {
    this._container = document.createElement('canvas');
    this._container.className = `sheet ${this.options.className}`;
    this._context = this._container.getContext('2d');
  },

  _destroyContainer() {
    cancelAnimationFrame(this._frame);
    this._frame = null;
    this.kept = null;
    this._container.remove();
    this._container = null;
  },

  _updatePaths() {},

  // Leaflet would leave the canvas between pixels after a jump, up to half a pixel from its place.
  _reset() { this._update(); },

  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    this._ratio = Math.min(2, window.devicePixelRatio || 1);
    L.DomUtil.setPosition(this._container, this._bounds.min);
    // A canvas that is given its size anew is made anew.
    const width = Math.round(this._ratio * size.x), height = Math.round(this._ratio * size.y);
    if (this._container.width !== width) this._container.width = width;
    if (this._container.height !== height) this._container.height = height;
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
    this.isMoved = true;
    this._paint();
    this.isMoved = false;
    this.fire('update');
  },

  _paint() {
    if (isHeld || !this._map || !this._bounds || !this._container) return;
    const ctx = this._context;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this._container.width, this._container.height);
    ctx.scale(this._ratio, this._ratio);
    this.draw(ctx, this.view());
  },

  // What the canvas covers: pixel = share * scale - origin.
  view() {
    const scale = 256 * 2 ** this._zoom;
    const origin = this._map._getNewPixelOrigin(this._center, this._zoom).add(this._bounds.min);
    const size = this._bounds.getSize();
    const left = origin.x / scale, top = origin.y / scale;
    return { scale, x: origin.x, y: origin.y, width: size.x, height: size.y, left, top,
      right: left + size.x / scale, bottom: top + size.y / scale, zoom: this._zoom, ratio: this._ratio };
  },

  redraw() {
    // What was drawn before may no longer be true.
    this.kept = null;
    if (this._frame || !this._map) return this;
    this._frame = requestAnimationFrame(() => { this._frame = null; this._paint(); });
    return this;
  },

  draw() {},
});

// A sheet that draws the rows of one layer, each in the look of its class.
const LayerSheet = Sheet.extend({
  ...ROWS,

  initialize(layer, options) {
    L.setOptions(this, options);
    Sheet.prototype.initialize.call(this, this.options);
    this.lang = this.options.lang || 'zh';
    this.keep(layer);
  },

  // The numbers of the parts in view whose row is drawn, in drawing order.
  inView(view, margin) {
    const m = (margin || 0) / view.scale;
    const found = this.grid.find(view.left - m, view.top - m, view.right + m, view.bottom + m);
    const { row } = this.layer.shape;
    this.parts = this.isNarrowed() ? found.filter((part) => this.isDrawn(row[part])) : found.slice();
    return this.parts;
  },
});
