// What stands round the map: title block, scale bar, north, the position under the pointer, language, print.

const DATUMS = ['WGS 84', 'CGCS2000', 'GCJ-02'];
let datum = 0;
let pointer = null;

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
  const tools = [['plus', 'zoom.in', () => app.map.zoomIn()], ['minus', 'zoom.out', () => app.map.zoomOut()], ['fit', 'zoom.fit', fitAll], ['print', 'print', () => window.print()],
    ...features.slice().sort((one, other) => (one.order || 50) - (other.order || 50)).flatMap((made) => made.tools || [])];
  fill(document.getElementById('tools'),
    el('div', { class: 'north', role: 'img', 'aria-label': say('north') }, svg('svg', { viewBox: '0 0 24 30' }, svg('path', { d: 'M12 1 19 24 12 19.5z', class: 'dark' }), svg('path', { d: 'M12 1 5 24 12 19.5z', class: 'light' })), el('span', {}, say('north'))),
    tools.map(([drawing, key, act, id]) => el('button', { type: 'button', class: 'round', id: id || `tool-${key.replace(/\W/g, '-')}`, 'aria-label': say(key), title: say(key), onclick: act }, icon(drawing))),
    el('button', { type: 'button', class: 'round text', id: 'lang', 'aria-label': say('language'), title: say('language'), onclick: () => { app.lang = app.lang === 'zh' ? 'en' : 'zh'; emit('language'); } }, app.lang === 'zh' ? 'EN' : '中'));
  const day = new Date();
  fill(document.getElementById('imprint'), `${say('printed')} ${moment(day).slice(0, 10)} · WGS 84 / CGCS2000 · ${say('drawn.by')}`);
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
  const [lon, lat] = inDatum(spot.lng, spot.lat);
  const text = `${lon.toFixed(6)}, ${lat.toFixed(6)}`;
  if (!node.firstChild) {
    fill(node, el('button', { type: 'button', class: 'datum', onclick: () => { datum = (datum + 1) % DATUMS.length; drawPosition(); } }), el('output'),
      el('button', { type: 'button', class: 'mini', onclick: (event) => copy(node.querySelector('output').textContent, event.currentTarget) }, icon('copy')));
  }
  const [kind, output, button] = node.children;
  kind.textContent = DATUMS[datum];
  kind.title = say('cursor.hint');
  output.textContent = text;
  button.setAttribute('aria-label', say('copy'));
  button.title = say('copy');
}

// CGCS2000 and WGS 84 differ by less than a decimetre; GCJ-02 is the published approximation of the shifted datum.
function inDatum(lon, lat) {
  if (DATUMS[datum] !== 'GCJ-02' || lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
  const x = lon - 105, y = lat - 35, { sin, sqrt, abs, PI, cos } = Math;
  const wave = ((sin(6 * x * PI) + sin(2 * x * PI)) * 20 * 2) / 3;
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave;
  east += ((sin(x * PI) * 20 + sin((x / 3) * PI) * 40) * 2) / 3 + ((sin((x / 12) * PI) * 150 + sin((x / 30) * PI) * 300) * 2) / 3;
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave;
  north += ((sin(y * PI) * 20 + sin((y / 3) * PI) * 40) * 2) / 3 + ((sin((y / 12) * PI) * 160 + sin((y / 30) * PI) * 320) * 2) / 3;
  const a = 6378245, ee = 0.00669342162296594323;
  const phi = (lat * PI) / 180, magic = 1 - ee * sin(phi) ** 2;
  return [lon + (east * 180) / ((a / sqrt(magic)) * cos(phi) * PI), lat + (north * 180) / (((a * (1 - ee)) / (magic * sqrt(magic))) * PI)];
}

function startFrame() {
  const { map } = app;
  map.on('zoomend moveend resize', drawScale);
  map.on('mousemove', (event) => { pointer = event.latlng; drawPosition(); hover(event); });
  map.on('mouseout', () => { pointer = null; document.getElementById('tip').hidden = true; });
  map.on('moveend', () => { if (!pointer) drawPosition(); });
}
