// Which base map lies under the survey: none, one of the page's, or a file the reader opens. Nothing is uploaded; a key stays in memory.

const shelf = { list: [], chosen: -1, share: 1, sheet: null, trouble: '', isOpen: false };

function startBases() {
  app.map.createPane('base').style.zIndex = '312';
  app.map.getPane('base').style.pointerEvents = 'none';
  shelf.list = (app.data.bases || []).map((base) => openBase(base, app.data));
  const panel = el('aside', { id: 'bases', hidden: true });
  const input = el('input', { id: 'base-file', type: 'file', class: 'unseen', tabindex: '-1', 'aria-hidden': 'true', accept: '.pmtiles,.mbtiles', onchange: () => { if (input.files[0]) openFile(input.files[0]); input.value = ''; } });
  document.body.append(panel, input);
  document.getElementById('foot').append(el('div', { id: 'credit', hidden: true }));
  panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); showBases(false); } });
  app.stampBase = (stamp) => { if (shelf.sheet) stamp(shelf.sheet, shelf.share); };
  app.prepareBase = (view) => (shelf.sheet ? shelf.sheet.prepare(view) : Promise.resolve());
  app.baseCredit = () => { const base = shelf.list[shelf.chosen]; return { attribution: base ? inLanguage(base.attribution) : '', approval: base ? base.approval || '' : '' }; };
  app.isBaseForeign = () => Boolean(shelf.sheet && shelf.sheet.base.urls);
  if (shelf.list.length) chooseBase(0);
  drawBases();
}

function showBases(isOpen) {
  shelf.isOpen = isOpen;
  drawBases();
  const focus = isOpen ? document.querySelector('#bases input:checked, #bases .pick') : document.getElementById('base-button');
  if (focus) focus.focus();
}

function chooseBase(at) {
  if (shelf.sheet) shelf.sheet.remove();
  shelf.chosen = at;
  shelf.trouble = '';
  const base = shelf.list[at];
  shelf.sheet = base ? new TileSheet(base, { opacity: shelf.share }).addTo(app.map) : null;
  document.body.classList.toggle('has-base', Boolean(base));
  emit('base');
}

async function openFile(file) {
  shelf.trouble = '';
  try {
    const held = await (/\.mbtiles$/i.test(file.name) ? openMbtiles(file) : openPmtiles(file));
    const maker = String((held.told && held.told.attribution) || '').replace(/<[^>]*>/g, '');
    const base = { ...held, name: `file:${file.name}`, zh: file.name, en: file.name, datum: 'wgs84', hosts: [], attribution: { zh: maker, en: maker }, note: { zh: '', en: '' }, isPicked: true };
    shelf.list = [...shelf.list.filter((other) => other.name !== base.name), base];
    chooseBase(shelf.list.length - 1);
    if (base.bounds && !touches(base.bounds)) shelf.trouble = say('base.elsewhere');
  } catch (error) {
    const key = String(error.message || '');
    shelf.trouble = `${file.name}: ${say(key.startsWith('base.') ? key : 'base.bad.file')}`;
  }
  showBases(true);
}

function touches([west, south, east, north]) {
  return app.map.getBounds().intersects([[south, west], [north, east]]);
}

function drawBases() {
  const panel = document.getElementById('bases');
  if (!panel) return;
  const button = document.getElementById('base-button');
  if (button) { button.setAttribute('aria-expanded', String(shelf.isOpen)); button.setAttribute('aria-controls', 'bases'); }
  panel.hidden = !shelf.isOpen;
  document.body.classList.toggle('has-bases', shelf.isOpen);
  panel.setAttribute('aria-label', say('base.title'));
  drawCredit();
  if (!shelf.isOpen) return;
  const base = shelf.list[shelf.chosen];
  fill(panel,
    el('header', {}, el('h2', {}, say('base.title')), el('button', { type: 'button', class: 'round', 'aria-label': say('close'), title: say('close'), onclick: () => showBases(false) }, icon('close'))),
    el('div', { class: 'choices', role: 'radiogroup', 'aria-label': say('base.title') }, choice(-1, say('base.none'), say('base.none.note')), shelf.list.map((one, at) => choice(at, called(one), factsOfBase(one)))),
    base && base.needsKey && keyRow(base),
    base && el('label', { class: 'by' }, say('legend.opacity'), el('input', { type: 'range', min: '0.1', max: '1', step: '0.05', value: String(shelf.share), 'aria-label': `${say('legend.opacity')}: ${called(base)}`, oninput: (event) => { shelf.share = Number(event.target.value); shelf.sheet.setOpacity(shelf.share); } })),
    base && noteOf(base) && el('p', { class: 'hint' }, noteOf(base)),
    base && base.cut && base.cut.left && el('p', { class: 'hint' }, say('base.left', base.cut.left[0], base.cut.left[1], base.max)),
    el('button', { type: 'button', class: 'pick', onclick: () => document.getElementById('base-file').click() }, icon('layers'), say('base.pick')),
    el('p', { class: 'hint' }, say('base.pick.note')),
    el('p', { class: 'trouble', role: 'status' }, shelf.trouble));
}

function choice(at, label, facts) {
  return el('label', { class: 'choice' }, el('input', { type: 'radio', name: 'base', value: String(at), checked: shelf.chosen === at, onchange: () => { chooseBase(at); refocus(); } }),
    el('span', { class: 'name' }, el('b', {}, label), facts && el('span', {}, facts)));
}

function refocus() {
  drawBases();
  const now = document.querySelector('#bases input:checked');
  if (now) now.focus();
}

const inLanguage = (words) => (words && words[app.lang]) || '';
const noteOf = (base) => inLanguage(base.note);

function factsOfBase(base) {
  const where = base.isPicked ? say('base.from.file') : base.urls ? say('base.from.hosts') : say('base.from.page', base.cut.mb < 0.1 ? '< 0.1' : number(base.cut.mb, 1));
  const shift = base.datum === 'gcj02' ? ' · GCJ-02' : base.datum === 'bd09' ? ' · BD-09' : '';
  return `${where} · ${say('base.zooms', base.min, base.max)}${shift}`;
}

function keyRow(base) {
  const take = () => { const text = field.value.trim(); if (!/^[\w.-]{4,200}$/.test(text)) return; base.key = text; chooseBase(shelf.chosen); drawBases(); };
  const field = el('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', id: 'base-key', placeholder: say('base.key'), 'aria-label': say('base.key'), onkeydown: (event) => { if (event.key === 'Enter') take(); } });
  if (base.key) return el('p', { class: 'hint' }, say('base.key.given'));
  return el('div', { class: 'key' }, el('p', {}, say('base.key.note')), el('div', {}, field, el('button', { type: 'button', class: 'go', onclick: take }, say('base.key.use'))));
}

// Who made the base map, and its approval number: always in view, and on paper.
function drawCredit() {
  const node = document.getElementById('credit');
  const base = shelf.list[shelf.chosen];
  const needs = base && base.needsKey && !base.key;
  const text = base ? [inLanguage(base.attribution), base.approval && say('base.approval', base.approval)].filter(Boolean).join(' · ') : '';
  node.hidden = !text && !needs;
  fill(node, text && el('span', {}, text), needs && el('button', { type: 'button', class: 'link', onclick: () => showBases(true) }, say('base.key.asked')));
}

feature({ order: 12, tools: [['globe', 'base.title', () => showBases(!shelf.isOpen), 'base-button']], start() {
  startBases();
  on('language', () => { drawBases(); if (shelf.sheet) shelf.sheet.redraw(); });
  on('base', drawCredit);
} });
