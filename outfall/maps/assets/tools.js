// The tool bar: what stands in it, what goes into the menu behind it, and which keys do the same.

const KEYS = [['/', 'keys.search'], ['+ −', 'keys.zoom'], ['0', 'zoom.fit'], ['n p', 'keys.next'], ['← ↑ → ↓', 'keys.arrows'], ['Enter', 'keys.open'], ['Esc', 'keys.close'], ['m', 'measure'], ['l', 'locate'], ['t', 'table'], ['Shift F10', 'menu'], ['Ctrl P', 'print'], ['?', 'keys.title']];
let folded = null;

function toolList() {
  return features.slice().sort((one, other) => (one.order || 50) - (other.order || 50)).flatMap((made) => made.tools || []);
}

function drawTools() {
  closeMore();
  const isPhone = window.innerWidth < 760;
  const list = [...(isPhone ? [] : [['plus', 'zoom.in', () => app.map.zoomIn()], ['minus', 'zoom.out', () => app.map.zoomOut()]]), ['fit', 'zoom.fit', fitAll], ...toolList(), ['print', 'print', openPrint], ['help', 'keys.title', openKeys]];
  if (isPhone) list.push(['plus', 'zoom.in', () => app.map.zoomIn()], ['minus', 'zoom.out', () => app.map.zoomOut()]);
  const room = isPhone ? 3 : Math.max(4, Math.floor((window.innerHeight - 190) / 43) - 1);
  const shownTools = list.length <= room + 1 ? list : list.slice(0, room);
  const rest = list.slice(shownTools.length);
  const button = ([drawing, key, act, id]) => el('button', { type: 'button', class: 'round', id: id || `tool-${key.replace(/\W/g, '-')}`, 'aria-label': say(key), title: say(key), onclick: act }, icon(drawing));
  fill(document.getElementById('tools'),
    el('div', { class: 'north', role: 'img', 'aria-label': say('north') }, svg('svg', { viewBox: '0 0 24 30' }, svg('path', { d: 'M12 1 19 24 12 19.5z', class: 'dark' }), svg('path', { d: 'M12 1 5 24 12 19.5z', class: 'light' })), el('span', {}, say('north'))),
    shownTools.map(button),
    rest.length ? el('button', { type: 'button', class: 'round', id: 'more', 'aria-label': say('more'), title: say('more'), 'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: () => (folded ? closeMore() : openMore(rest)) }, icon('more')) : null,
    el('button', { type: 'button', class: 'round text', id: 'lang', 'aria-label': say('language'), title: say('language'), onclick: () => { app.lang = app.lang === 'zh' ? 'en' : 'zh'; emit('language'); document.getElementById('lang').focus({ preventScroll: true }); } }, app.lang === 'zh' ? 'EN' : '中'));
}

function openMore(rest) {
  const anchor = document.getElementById('more');
  folded = el('div', { class: 'pop more-menu', role: 'menu', 'aria-label': say('more') }, rest.map(([drawing, key, act, id]) => el('button', { type: 'button', role: 'menuitem', class: 'act', id: id || `tool-${key.replace(/\W/g, '-')}`, onclick: () => { closeMore(); act(); } }, icon(drawing), say(key))));
  folded.addEventListener('keydown', (event) => {
    const items = [...folded.children], at = items.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length].focus();
    else if (event.key === 'Escape') { closeMore(); anchor.focus(); } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(folded);
  anchor.setAttribute('aria-expanded', 'true');
  const box = anchor.getBoundingClientRect();
  folded.style.right = `${window.innerWidth - box.left + 8}px`;
  folded.style.bottom = `${Math.max(8, window.innerHeight - box.bottom)}px`;
  folded.firstChild.focus({ preventScroll: true });
}

function closeMore() {
  if (!folded) return;
  folded.remove();
  folded = null;
  const anchor = document.getElementById('more');
  if (anchor) anchor.setAttribute('aria-expanded', 'false');
}

function openKeys() {
  const { body } = openDialog('keys', say('keys.title'));
  fill(body, el('dl', { class: 'keys' }, KEYS.map(([keys, what]) => [el('dt', {}, keys.split(' ').filter((key) => key !== 'Shift' && key !== 'Ctrl' || true).map((key) => el('kbd', {}, key))), el('dd', {}, say(what))])),
    el('p', { class: 'hint' }, say('keys.touch')));
}

// The feature the keyboard stands on: shown by a ring, opened by Enter.
const standingOnKeys = { layer: '', row: -1 };

function inViewPoints() {
  const size = app.map.getSize(), found = [];
  for (const layer of [...app.data.layers].reverse()) {
    const sheet = app.sheets[layer.name];
    if (layer.kind !== 'points' || !layer.n || !app.map.hasLayer(sheet) || found.length > 5000) continue;
    for (let row = 0; row < layer.n && found.length <= 5000; row++) {
      const spot = sheet.isDrawn(row) && place(layer.name, row);
      if (!spot) continue;
      const { x, y } = app.map.latLngToContainerPoint([spot.lat, spot.lon]);
      if (x >= 0 && y >= 0 && x <= size.x && y <= size.y) found.push({ layer: layer.name, row, x, y, spot });
    }
    if (found.length) break;
  }
  return found.sort((one, other) => Math.floor(one.y / 40) - Math.floor(other.y / 40) || one.x - other.x);
}

function standOn(item) {
  standingOnKeys.layer = item ? item.layer : '';
  standingOnKeys.row = item ? item.row : -1;
  if (item) {
    painters.set('keys', (ctx, at) => { for (const [width, colour] of [[6, 'rgba(255,255,255,.95)'], [3, '#1479a8']]) { ctx.beginPath(); ctx.arc(...at(item.spot.lon, item.spot.lat), 15, 0, 7); ctx.lineWidth = width; ctx.strokeStyle = colour; ctx.stroke(); } });
    announce(`${titleOf(item.layer, item.row)}, ${called(app.sheets[item.layer].look(item.row))}, ${called(app.layers[item.layer])}`);
  } else painters.delete('keys');
  app.over.redraw();
}

function step(by) {
  const list = inViewPoints();
  if (!list.length) { announce(say('menu.nothing')); return; }
  const on = standingOnKeys.row >= 0 ? standingOnKeys : app.selected;
  const at = on ? list.findIndex((item) => item.layer === on.layer && item.row === on.row) : -1;
  standOn(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length]);
}

// The nearest feature in the direction of an arrow.
function stepTowards(key) {
  const list = inViewPoints();
  const here = list.find((item) => item.layer === standingOnKeys.layer && item.row === standingOnKeys.row);
  if (!here) return;
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const cost = (item) => { const along = (item.x - here.x) * dx + (item.y - here.y) * dy, across = Math.abs((item.x - here.x) * dy) + Math.abs((item.y - here.y) * dx); return along > 0.5 && across <= 2 * along ? along + 2 * across : Infinity; };
  const best = list.reduce((one, other) => (cost(other) < cost(one) ? other : one), here);
  if (best !== here && cost(best) < Infinity) standOn(best);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) return;
  const act = { n: () => step(1), p: () => step(-1), '?': openKeys, 0: fitAll, m: () => (measuring.dock ? measuring.dock.close() : startMeasuring()), l: startLocating, t: () => openTable() }[event.key];
  const isOn = standingOnKeys.row >= 0;
  if (act) act();
  else if (isOn && event.key.startsWith('Arrow') && (document.activeElement.id === 'map' || document.activeElement === document.body)) stepTowards(event.key);
  else if (isOn && event.key === 'Enter' && (document.activeElement.id === 'map' || document.activeElement === document.body)) { const { layer, row } = standingOnKeys; standOn(null); app.trail = []; select(layer, row); document.getElementById('panel').focus({ preventScroll: true }); } else if (isOn && event.key === 'Escape') standOn(null);
  else if (event.key === 'Escape' && docked && !app.selected) docked.close();
  else if (event.key === 'F10' && event.shiftKey) openAtCentre();
  else if (event.key === 'ContextMenu') openAtCentre();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function openAtCentre() {
  const spot = standingOnKeys.row >= 0 ? place(standingOnKeys.layer, standingOnKeys.row) : null;
  const latlng = spot ? L.latLng(spot.lat, spot.lon) : app.map.getCenter();
  openMenu(latlng, app.map.latLngToContainerPoint(latlng));
}

feature({
  order: 60,
  start() {
    document.addEventListener('keydown', onKey, true);
    app.map.on('zoomstart', () => { if (standingOnKeys.row >= 0) app.over.redraw(); });
    document.addEventListener('pointerdown', (event) => { if (folded && !folded.contains(event.target) && !event.target.closest('#more')) closeMore(); });
    window.addEventListener('resize', drawTools);
    on('select', () => { if (app.selected) standOn(null); });
    on('filter', () => {
      const layer = app.layers.outfalls;
      if (!layer || !layer.n) return;
      let count = 0;
      for (let row = 0; row < layer.n; row++) if (app.sheets.outfalls.isDrawn(row)) count++;
      announce(say('live.shown', number(count), number(layer.n), called(layer)));
    });
  },
});
