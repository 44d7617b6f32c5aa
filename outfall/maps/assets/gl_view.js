// The few words of Leaflet that our files use, said to MapLibre: places, boxes, a map and a pin. Zooms are ours, one more than the engine's.

const mercator = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 360)) / (2 * Math.PI);
const spotOf = (place) => (Array.isArray(place) ? { lat: place[0], lng: place[1] } : place);

class Box {
  constructor(spots) {
    this.west = this.south = Infinity;
    this.east = this.north = -Infinity;
    for (const spot of spots) this.extend(spot);
  }

  extend(thing) {
    if (thing instanceof Box) { if (thing.isValid()) this.extend({ lat: thing.south, lng: thing.west }).extend({ lat: thing.north, lng: thing.east }); return this; }
    if (Array.isArray(thing) && Array.isArray(thing[0])) { thing.forEach((one) => this.extend(one)); return this; }
    const { lat, lng } = spotOf(thing);
    this.west = Math.min(this.west, lng);
    this.east = Math.max(this.east, lng);
    this.south = Math.min(this.south, lat);
    this.north = Math.max(this.north, lat);
    return this;
  }

  isValid() { return this.west <= this.east && this.south <= this.north; }
}

const L = {
  point: (x, y) => ({ x, y }),
  latLngBounds: (one, other) => new Box(other ? [one, other] : one),
  CRS: { EPSG3857: { pointToLatLng: ({ x, y }) => ({ lng: (x / 256 - 0.5) * 360, lat: (Math.atan(Math.exp((0.5 - y / 256) * 2 * Math.PI)) * 360) / Math.PI - 90 }) } },
  DomEvent: { disableClickPropagation(node) { for (const name of ['click', 'dblclick', 'mousedown', 'touchstart']) node.addEventListener(name, (event) => event.stopPropagation()); } },
  divIcon: (options) => options,
  marker(place, { icon: { html } }) {
    const { lat, lng } = spotOf(place), holder = el('div', { class: 'pin-holder' }, html);
    const marker = new maplibregl.Marker({ element: holder }).setLngLat([lng, lat]);
    return { addTo(view) { marker.addTo(view.gl); return this; }, remove() { marker.remove(); } };
  },
};

class GlView {
  constructor(gl) {
    this.gl = gl;
    this.shown = new Set();
  }

  hasLayer(sheet) { return this.shown.has(sheet); }

  getContainer() { return this.gl.getContainer(); }

  getZoom() { return this.gl.getZoom() + 1; }

  getCenter() { return this.gl.getCenter(); }

  getSize() { const { clientWidth, clientHeight } = this.getContainer(); return { x: clientWidth, y: clientHeight }; }

  project({ lat, lng }, zoom) { const scale = 256 * 2 ** zoom; return { x: (lng / 360 + 0.5) * scale, y: mercator(lat) * scale }; }

  containerPointToLatLng(point) { return this.gl.unproject(Array.isArray(point) ? point : [point.x, point.y]); }

  latLngToContainerPoint(place) { const { lat, lng } = spotOf(place); return this.gl.project([lng, lat]); }

  distance(one, other) { return inverse(one.lng, one.lat, other.lng, other.lat).metres; }

  zoomIn() { this.gl.zoomIn({ animate: !calm() }); }

  zoomOut() { this.gl.zoomOut({ animate: !calm() }); }

  setView(place, zoom, options) {
    const { lat, lng } = spotOf(place);
    this.gl.easeTo({ center: [lng, lat], zoom: zoom - 1, animate: Boolean(options && options.animate) });
  }

  fitBounds(box, options) {
    const [left, top] = options.paddingTopLeft || [0, 0], [right, bottom] = options.paddingBottomRight || [0, 0];
    const { x, y } = this.getSize();
    const share = Math.min(1, (0.8 * x) / (left + right + 1), (0.8 * y) / (top + bottom + 1));
    this.gl.fitBounds([[box.west, box.south], [box.east, box.north]], {
      padding: { left: (left + 44) * share, top: top * share, right: (right + 44) * share, bottom: bottom * share }, maxZoom: (options.maxZoom || 17) - 1,
      animate: Boolean(options.animate), bearing: this.gl.getBearing(), pitch: this.gl.getPitch(), linear: true,
    });
  }

  on(names, act) {
    for (const name of names.split(' ')) this.gl.on(name, (event) => act(event.lngLat ? { latlng: event.lngLat, containerPoint: event.point, originalEvent: event.originalEvent } : event));
    return this;
  }
}
