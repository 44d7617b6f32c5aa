// How the page in three dimensions comes to life, and what it says where the browser cannot draw it.

const NO_GL = {
  zh: ['这台电脑画不了三维地图', '浏览器没有可用的 WebGL 2（常见于旧电脑、远程桌面）。请改用普通地图：在 Python 里用 .save("map.html") 生成，任何浏览器都能打开。'],
  en: ['This browser cannot draw the map in three dimensions', 'WebGL 2 is missing, as on old computers and remote desktops. Use the normal page instead: write it in Python with .save("map.html"); it opens in every browser.'],
};

// What other files ask for and only the flat page can do.
const lit = { mode: 'off' };
const journeyOf = () => null;
const sideChoice = () => null;

ICONS.tilt = 'M7.5 7h9L21 17H3zM12 7v10M5.500 12h13';

function drawTools() {
  const button = (drawing, key, act, id, isOn) => el('button', { type: 'button', class: 'round', id, 'aria-label': say(key), title: say(key), 'aria-pressed': isOn === undefined ? null : String(isOn), onclick: act }, icon(drawing));
  const { gl } = app.map;
  fill(document.getElementById('tools'),
    el('button', { type: 'button', class: 'north', id: 'north', 'aria-label': say('gl.north'), title: say('gl.north'), onclick: () => gl.easeTo({ bearing: 0, animate: !calm() }) },
      svg('svg', { viewBox: '0 0 24 30' }, svg('path', { d: 'M12 1 19 24 12 19.5z', class: 'dark' }), svg('path', { d: 'M12 1 5 24 12 19.5z', class: 'light' })), el('span', {}, say('north'))),
    button('plus', 'zoom.in', () => app.map.zoomIn(), 'tool-zoom-in'), button('minus', 'zoom.out', () => app.map.zoomOut(), 'tool-zoom-out'), button('fit', 'zoom.fit', fitAll, 'tool-zoom-fit'),
    button('tilt', 'gl.tilt', () => gl.easeTo({ pitch: gl.getPitch() > 5 ? 0 : 55, animate: !calm() }), 'tilt', gl.getPitch() > 5),
    el('button', { type: 'button', class: 'round text', id: 'lang', 'aria-label': say('language'), title: say('language'), onclick: () => { app.lang = app.lang === 'zh' ? 'en' : 'zh'; emit('language'); document.getElementById('lang').focus({ preventScroll: true }); } }, app.lang === 'zh' ? 'EN' : '中'));
  turnNorth();
}

function turnNorth() {
  const { gl } = app.map, needle = document.querySelector('#north svg'), tilt = document.getElementById('tilt');
  if (needle) needle.style.transform = `rotateX(${Math.round(gl.getPitch())}deg) rotate(${-Math.round(gl.getBearing())}deg)`;
  if (tilt) tilt.setAttribute('aria-pressed', String(gl.getPitch() > 5));
}

function addSheets(gl) {
  const { layers } = app.data;
  const order = layers.map((_, at) => at).sort((one, other) => RANK[layers[one].kind] - RANK[layers[other].kind] || one - other);
  for (const at of order) {
    const layer = layers[at];
    const radius = layer.name === 'outfalls' ? 9.5 : layer.name === 'sources' ? 8 : 7;
    const sheet = layer.kind === 'raster' ? new GlRaster(layer, { at }) : new GlSheet(layer, { at, radius });
    app.layers[layer.name] = layer;
    app.sheets[layer.name] = sheet;
    if (layer.shown) sheet.addTo(app.map);
  }
  // First where to look, then what is there: nothing is cut into tiles that nobody will see.
  fitAll();
  gl.addLayer({ id: 'names', type: 'background', layout: { visibility: 'none' } });
  for (const at of order) {
    app.sheets[layers[at].name].install(gl);
    if (layers[at].kind !== 'points') gl.moveLayer('names');
  }
  installChosen(gl);
}

function listenAll() {
  const { map } = app, { gl } = map;
  const sheets = () => Object.values(app.sheets);
  on('select', drawPanel);
  on('filter', () => { drawLegend(); drawOverview(); sheets().forEach((sheet) => sheet.redraw()); });
  on('language', () => { sheets().forEach((sheet) => sheet.redraw()); drawFrame(); drawLegend(); drawOverview(); drawPanel(); });
  map.on('click', (event) => {
    const hit = under(event.latlng, event.originalEvent.pointerType === 'touch' || window.innerWidth < 760);
    if (!hit) { if (app.selected) deselect(); return; }
    app.trail = [];
    app.selected = null;
    select(hit.layer, hit.row);
    if (window.innerWidth < 760) document.getElementById('card').classList.remove('unfolded');
  });
  gl.on('rotate', turnNorth);
  gl.on('pitch', turnNorth);
  gl.on('move', () => { document.getElementById('tip').hidden = true; });
  const card = document.getElementById('card');
  document.getElementById('unfold').addEventListener('click', () => { document.getElementById('unfold').setAttribute('aria-expanded', String(card.classList.toggle('unfolded'))); });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && app.selected) deselect();
    if (event.key === '/' && document.activeElement.tagName !== 'INPUT') { event.preventDefault(); document.getElementById('query').focus(); }
  });
  window.addEventListener('hashchange', recall);
}

function canDraw() {
  return Boolean(document.createElement('canvas').getContext('webgl2'));
}

function sayNoGl() {
  const box = document.getElementById('trouble');
  fill(box, ['zh', 'en'].map((lang) => [el('b', { lang }, NO_GL[lang][0]), el('p', { lang }, NO_GL[lang][1])]));
  box.hidden = false;
  document.body.classList.add('ready', 'no-gl');
}

function makeEngine() {
  return new maplibregl.Map({
    container: 'map', style: { version: 8, sources: {}, layers: [] }, attributionControl: false, center: [108, 33], zoom: 3, minZoom: 2, maxZoom: 19, maxPitch: 70,
    renderWorldCopies: false, fadeDuration: calm() ? 0 : 200, localIdeographFontFamily: GL_FONT.join(','), canvasContextAttributes: { antialias: true }, validateStyle: false,
  });
}

async function startGl() {
  document.documentElement.classList.add('alive');
  if (!canDraw()) { await isWhole(); sayNoGl(); return; }
  app.data = await unpack(await readData());
  app.lang = app.data.lang;
  answerEngine();
  const gl = makeEngine();
  app.map = new GlView(gl);
  await new Promise((done) => { gl.once('load', done); });
  addSheets(gl);
  listenAll();
  drawFrame();
  drawOverview();
  drawLegend();
  drawPanel();
  startSearch();
  startFrame();
  recall();
  gl.once('idle', () => document.body.classList.add('drawn'));
  document.body.classList.add('ready');
}

startGl().catch(showTrouble);
