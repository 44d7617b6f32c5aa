// What stands round the map: title block, scale bar, north, the position under the pointer, language, print.

const DATUMS = ['WGS 84', 'CGCS2000', 'GCJ-02'];
let datum = 0;
let pointer = null;
const STYLES = ['d', 'dms', 'dm', 'm'];
let style = 'd';

function drawFrame() {
  const { data } = app;
  const title = data.title || say('title');
  document.title = title;
  document.documentElement.lang = app.lang === 'zh' ? 'zh-CN' : 'en';
  const count = (name) => number((app.layers[name] || {}).n || 0);
  fill(document.getElementById('title'), el('h1', {}, title), el('p', {}, say('subtitle.all', count('outfalls'), count('sources'), count('reaches'))));
  const query = document.getElementById('query');
  query.placeholder = say('search');
  query.setAttribute('aria-label', say('search'));
  query.title = say('keys');
  name('map', say('map'));
  name('panel', say('panel'));
  name('unfold', say('legend.open'));
  drawTools();
  drawScale();
  drawPosition();
}

function name(id, text) {
  document.getElementById(id).setAttribute('aria-label', text);
}

function fitAll(padding) {
  const box = L.latLngBounds([]);
  for (const layer of app.data.layers) {
    if (layer.kind === 'raster' || !layer.n) continue;
    const own = app.sheets[layer.name].getBounds();
    if (own.isValid()) box.extend(own);
  }
  if (!box.isValid()) for (const layer of app.data.layers) if (layer.bounds) box.extend([[layer.bounds[1], layer.bounds[0]], [layer.bounds[3], layer.bounds[2]]]);
  if (!box.isValid()) for (const base of app.data.bases || []) if (base.bounds) box.extend([[base.bounds[1], base.bounds[0]], [base.bounds[3], base.bounds[2]]]);
  const free = Array.isArray(padding) ? { paddingTopLeft: padding[0], paddingBottomRight: padding[1] } : room();
  if (box.isValid()) app.map.fitBounds(box, { ...free, maxZoom: 16, animate: false });
  else app.map.setView([33, 108], 4, { animate: false });
}

function drawScale() {
  const { map } = app;
  const size = map.getSize();
  const metre = map.distance(map.containerPointToLatLng([size.x / 2 - 50, size.y / 2]), map.containerPointToLatLng([size.x / 2 + 50, size.y / 2])) / 100;
  const most = metre * 130;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((part) => part * power).find((part) => part <= most) || power;
  const width = length / metre;
  fill(document.getElementById('scale'), el('i', { style: { width: `${width}px` } }, el('b'), el('b'), el('b'), el('b')), el('span', {}, length >= 1000 ? `${number(length / 1000)} km` : `${number(length)} m`));
}

function drawPosition() {
  const node = document.getElementById('position');
  const spot = pointer || app.map.getCenter();
  const lon = wrapped(spot.lng);
  const flat = style === 'm' ? projected(lon, spot.lat) : null;
  const text = flat ? `${flat.east.toFixed(1)}, ${flat.north.toFixed(1)}` : written(...inDatum(lon, spot.lat), style);
  if (!node.firstChild) {
    fill(node, el('button', { type: 'button', class: 'datum', onclick: () => { datum = (datum + 1) % DATUMS.length; drawPosition(); } }), el('output'),
      el('button', { type: 'button', class: 'style', id: 'style', onclick: () => { style = STYLES[(STYLES.indexOf(style) + 1) % STYLES.length]; drawPosition(); } }),
      el('button', { type: 'button', class: 'mini', onclick: (event) => copy(node.querySelector('output').textContent, event.currentTarget) }, icon('copy')));
  }
  const [kind, output, manner, button] = node.children;
  kind.textContent = flat ? flat.name.replace('CGCS2000 / 3° GK ', 'CGCS2000 ') : DATUMS[datum];
  manner.textContent = { d: '0.0°', dms: '° ′ ″', dm: '° ′', m: 'm' }[style];
  manner.setAttribute('aria-label', say('position.style'));
  manner.title = say('position.style');
  kind.title = say('cursor.hint');
  output.textContent = text;
  button.setAttribute('aria-label', say('copy'));
  button.title = say('copy');
}

// CGCS2000 and WGS 84 differ by less than a decimetre; GCJ-02 is the published approximation of the shifted datum.
function inDatum(lon, lat) {
  return DATUMS[datum] === 'GCJ-02' ? toGcj(lon, lat) : [lon, lat];
}

function startFrame() {
  const { map } = app;
  map.on('zoomend moveend resize', drawScale);
  map.on('mousemove', (event) => { pointer = event.latlng; drawPosition(); hover(event); });
  map.on('mouseout', () => { pointer = null; document.getElementById('tip').hidden = true; });
  map.on('moveend', () => { if (!pointer) drawPosition(); });
}
