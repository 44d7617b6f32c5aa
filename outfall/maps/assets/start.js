// How the page comes to life.

function addLayers() {
  const { map, data } = app;
  ['paper', 'under', 'areas', 'lines', 'paths', 'points', 'names'].forEach((pane, at) => { map.createPane(pane).style.zIndex = String(310 + 10 * at); });
  map.getPane('names').style.pointerEvents = 'none';
  app.graticule = new Graticule({ pane: 'paper' }).addTo(map);
  for (const layer of data.layers) {
    app.layers[layer.name] = layer;
    let sheet;
    if (layer.kind === 'raster') {
      sheet = new RasterSheet(layer, { pane: 'under', className: 'sheet-raster', opacity: layer.opacity, at: data.layers.indexOf(layer) });
    } else {
      const pane = layer.kind === 'polygons' ? 'areas' : layer.kind;
      sheet = new SHEET_OF[layer.kind](layer, { pane, className: `sheet-${layer.kind}`, radius: layer.name === 'outfalls' ? 9.5 : layer.name === 'sources' ? 8 : 7 });
    }
    app.sheets[layer.name] = sheet;
    if (layer.shown) sheet.addTo(map);
  }
  app.paths = new PathSheet({ pane: 'paths' }).addTo(map);
  app.names = new LabelSheet({ pane: 'names' }).addTo(map);
}

function stackPoints() {
  app.data.layers.filter((layer) => layer.kind === 'points').forEach((layer, at) => {
    const sheet = app.sheets[layer.name];
    if (sheet._container) sheet._container.style.zIndex = String(at + 1);
  });
}

function listen() {
  const { map } = app;
  on('select', choose);
  on('focus', () => { app.paths.gather(); app.names.redraw(); });
  on('filter', () => { redrawLegend(); stackPoints(); Object.values(app.sheets).forEach((sheet) => sheet.redraw && sheet.redraw()); app.names.redraw(); });
  on('language', () => {
    Object.values(app.sheets).forEach((sheet) => { if (sheet.layer) { sheet.lang = app.lang; sheet.redraw(); } });
    drawFrame(); drawLegend(); drawOverview(); drawPanel(); app.names.redraw();
  });
  map.on('click', (event) => {
    if (app.taker) { app.taker(event); return; }
    if (openGroup(event.latlng)) return;
    const hit = under(event.latlng, L.Browser.mobile);
    if (!hit) { if (app.selected) deselect(); return; }
    app.trail = [];
    app.selected = null;
    select(hit.layer, hit.row);
    uncover(event.latlng);
  });
  const card = document.getElementById('card');
  document.getElementById('unfold').addEventListener('click', () => { document.getElementById('unfold').setAttribute('aria-expanded', String(card.classList.toggle('unfolded'))); });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && app.selected) deselect();
    if (event.key === '/' && document.activeElement.tagName !== 'INPUT') { event.preventDefault(); document.getElementById('query').select(); }
  });
  window.addEventListener('hashchange', recall);
}

// What the panel would hide moves into view.
function uncover(latlng) {
  if (window.innerWidth < 760) document.getElementById('card').classList.remove('unfolded');
  const { paddingTopLeft, paddingBottomRight } = room();
  app.map.panInside(latlng, { paddingTopLeft, paddingBottomRight, animate: !calm() });
}

function dimOthers() {
  const rows = tracedRows();
  const { selected, data } = app;
  const keep = (column) => new Set(rows.filter((row) => data.found.rows.posterior_share.at(row) >= 0.01).map((row) => data.found.rows[column][row]));
  const isTraced = Boolean(rows.length);
  if (app.sheets.sources) app.sheets.sources.dim = isTraced ? (selected.layer === 'sources' ? new Set([selected.row]) : keep('source')) : null;
  if (app.sheets.outfalls) app.sheets.outfalls.dim = isTraced ? (selected.layer === 'outfalls' ? new Set([selected.row]) : keep('outfall')) : null;
  for (const name of ['sources', 'outfalls']) if (app.sheets[name]) app.sheets[name].redraw();
}

async function start() {
  app.data = await unpack(await readData());
  app.lang = app.data.lang;
  app.map = L.map('map', { zoomControl: false, attributionControl: false, zoomSnap: 0.25, zoomDelta: 0.75, wheelPxPerZoomLevel: 90, minZoom: 3, maxZoom: 20, worldCopyJump: false });
  isHeld = true;
  app.map.setView([33, 108], 4, { animate: false });
  addLayers();
  listen();
  drawFrame();
  drawOverview();
  drawLegend();
  drawPanel();
  startSearch();
  startFrame();
  startPrint();
  for (const made of features) if (made.start) await made.start();
  stackPoints();
  fitAll();
  recall();
  isHeld = false;
  app.map.eachLayer((sheet) => { if (sheet instanceof Sheet) sheet._paint(); });
  document.body.classList.add('ready');
}

start().catch(showTrouble);
