// How the reader chooses between points, circles and density, and what a click on a circle opens.

const LISTED = 200;

function gatherable() {
  return app.data.layers.filter((layer) => layer.kind === 'points' && layer.n > 200).map((layer) => app.sheets[layer.name]);
}

function setMode(mode) {
  for (const sheet of gatherable()) { sheet.mode = mode; sheet.redraw(); }
  app.names.redraw();
  drawModes();
}

function drawModes() {
  const menu = document.getElementById('modes');
  const [first] = gatherable();
  const now = (first && first.mode) || 'auto';
  menu.setAttribute('aria-label', say('gather.title'));
  fill(menu, el('b', { class: 'title' }, say('gather.title')), MODES.map((mode) => el('button', {
    type: 'button', role: 'radio', 'aria-checked': String(mode === now), 'data-mode': mode, tabindex: mode === now ? '0' : '-1',
    onclick: () => { setMode(mode); menu.querySelector('[aria-checked="true"]').focus(); },
  }, el('i', { class: 'mark', 'aria-hidden': 'true' }), say(`gather.${mode}`))), el('p', { class: 'hint' }, say('gather.hint')));
}

function toggleModes(isOpen) {
  const menu = document.getElementById('modes');
  menu.hidden = isOpen === undefined ? !menu.hidden : !isOpen;
  const button = document.getElementById('gather');
  if (button) button.setAttribute('aria-expanded', String(!menu.hidden));
  if (menu.hidden) { if (button && menu.contains(document.activeElement)) button.focus(); return; }
  drawModes();
  if (button) menu.style.bottom = `${Math.max(12, window.innerHeight - button.getBoundingClientRect().bottom)}px`;
  menu.querySelector('[aria-checked="true"]').focus();
}

// Returns whether a circle was clicked: the map goes nearer, or lists what lies on one spot.
function openGroup(latlng) {
  for (const layer of [...app.data.layers].reverse()) {
    const sheet = app.sheets[layer.name];
    const group = layer.kind === 'points' && sheet._map && groupAt(sheet, latlng);
    if (!group) continue;
    const { rows, box } = membersOf(sheet, group);
    const isOneSpot = Math.max(box[2] - box[0], box[3] - box[1]) * 256 * 2 ** 18 < 24;
    if (isOneSpot || app.map.getZoom() >= 18) listGroup(layer, rows, latlng);
    else app.map.fitBounds(L.latLngBounds(turn(box[0], box[3]), turn(box[2], box[1])), { ...room(), maxZoom: 18, animate: !calm() });
    return true;
  }
  return false;
}

function listGroup(layer, rows, latlng) {
  const list = el('ul', { class: 'gathered' }, rows.slice(0, LISTED).map((row) => el('li', {}, el('button', { type: 'button', class: 'link', onclick: () => { app.map.closePopup(); select(layer.name, row); } },
    swatch(app.sheets[layer.name].look(row), app.lang, 'points'), el('span', { class: 'name' }, titleOf(layer.name, row))))));
  const more = rows.length > LISTED ? el('p', { class: 'hint' }, say('gather.more', number(rows.length - LISTED))) : null;
  L.popup({ maxWidth: 300, className: 'gathered-popup' }).setLatLng(latlng).setContent(el('div', {}, el('b', {}, `${called(layer)} · ${number(rows.length)}`), list, more)).openOn(app.map);
}

feature({
  order: 26,
  get tools() { return gatherable().length ? [['crowd', 'gather.title', () => toggleModes(), 'gather']] : []; },
  start() {
    document.body.append(el('div', { id: 'modes', role: 'radiogroup', hidden: true, onkeydown: (event) => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (event.key === 'Escape') { event.stopPropagation(); toggleModes(false); }
      if (!step) return;
      event.preventDefault();
      const buttons = [...event.currentTarget.querySelectorAll('[role="radio"]')];
      buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].click();
    } }));
    app.map.on('mousedown', () => toggleModes(false));
    on('language', () => toggleModes(false));
  },
});
