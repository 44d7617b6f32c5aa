// The map on paper: a window with a preview and everything a sheet needs, printed on one page or saved as a picture.

const sheet_ = { options: null, preview: null, made: null };

function printDefaults() {
  const day = new Date();
  const pad = (part) => String(part).padStart(2, '0');
  const chosen = app.selected ? titleOf(app.selected.layer, app.selected.row) : '';
  return { paper: 'A4', isLandscape: true, title: app.data.title || say('title'), subtitle: chosen, scale: 'snap', grid: 'deg', isGrey: false, author: '', unit: '', approval: app.baseCredit ? app.baseCredit().approval : '', date: `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}` };
}

// The extent on paper: what is on the screen beside the cards, at the scale chosen.
function placed(options) {
  const frame = frameOf(options);
  const { map } = app;
  const size = map.getSize();
  const { paddingTopLeft: [left, top], paddingBottomRight: [right, bottom] } = options.room || { paddingTopLeft: [0, 0], paddingBottomRight: [0, 0] };
  const centre = options.centre || map.containerPointToLatLng([(left + size.x - right) / 2, (top + size.y - bottom) / 2]);
  const screen = squareMetres(centre.lat) / (256 * 2 ** map.getZoom());
  const exact = Math.max((screen * (size.x - left - right)) / (frame.w / 1000), (screen * (size.y - top - bottom)) / (frame.h / 1000));
  const scaleNumber = options.scale === 'fit' ? exact : options.scale === 'snap' ? niceScale(exact) : Math.max(50, Number(options.scale));
  return { ...options, frame, centre, scaleNumber };
}

function makeSheet(given, ratio) {
  const options = placed(given);
  const { frame } = options;
  const view = paperView(options.centre, frame.w, frame.h, options.scaleNumber, ratio);
  const { canvas, without } = compose(view, options.isGrey);
  const shapes = sceneOf(options, view, frame, without.length ? say('print.without', without.join(', ')) : '');
  return { options, view, frame, canvas, shapes, size: paperSize(options) };
}

function openPrint() {
  if (docked) docked.close();
  const kept = sheet_.options;
  sheet_.options = { ...printDefaults(), ...(kept ? { paper: kept.paper, isLandscape: kept.isLandscape, grid: kept.grid, isGrey: kept.isGrey, author: kept.author, unit: kept.unit, approval: kept.approval || (app.baseCredit ? app.baseCredit().approval : '') } : {}), room: room(), centre: null };
  sheet_.options.centre = placed(sheet_.options).centre;
  const { body, close } = openDialog('print', say('print'), () => { sheet_.preview = null; });
  sheet_.preview = el('div', { class: 'preview', role: 'img', 'aria-label': say('print.preview') });
  fill(body, printForm(close), sheet_.preview);
  drawPreview();
}

function printForm() {
  const { options } = sheet_;
  let waiting = 0;
  const set = (key, value) => { options[key] = value; clearTimeout(waiting); waiting = setTimeout(drawPreview, 120); };
  const line = (key, label, more) => el('label', { class: 'field' }, el('span', {}, say(label)), el('input', { type: 'text', id: `print-${key}`, value: options[key], maxlength: '200', oninput: (event) => set(key, event.target.value), ...more }));
  const choice = (key, label, rows) => el('label', { class: 'field' }, el('span', {}, say(label)), el('select', { id: `print-${key}`, onchange: (event) => set(key, event.target.value) }, rows.map(([value, words]) => el('option', { value, selected: String(options[key]) === value }, words))));
  const flip = el('select', { id: 'print-turn', onchange: (event) => set('isLandscape', event.target.value === 'landscape') }, ['landscape', 'portrait'].map((value) => el('option', { value, selected: (value === 'landscape') === options.isLandscape }, say(`print.${value}`))));
  const scales = [['snap', say('print.snap')], ['fit', say('print.fit')], ...[500, 1000, 2000, 5000, 10000, 25000, 50000, 100000, 250000].map((value) => [String(value), `1:${spaced(value)}`])];
  return el('form', { class: 'print-form', onsubmit: (event) => { event.preventDefault(); } },
    line('title', 'print.title'), line('subtitle', 'print.subtitle'),
    el('div', { class: 'pair' }, choice('paper', 'print.paper', [['A4', 'A4'], ['A3', 'A3']]), el('label', { class: 'field' }, el('span', {}, say('print.turn')), flip)),
    el('div', { class: 'pair' }, choice('scale', 'scale', scales), choice('grid', 'print.grid', [['deg', say('print.degrees')], ['m', say('print.metres')], ['none', say('print.none')]])),
    el('div', { class: 'pair' }, line('unit', 'print.unit'), line('author', 'print.author')),
    el('div', { class: 'pair' }, line('date', 'print.date'), line('approval', 'print.approval', { title: say('print.approval.hint') })),
    el('label', { class: 'check' }, el('input', { type: 'checkbox', id: 'print-grey', checked: options.isGrey, onchange: (event) => set('isGrey', event.target.checked) }), say('print.grey')),
    el('p', { class: 'hint', id: 'print-note' }),
    el('div', { class: 'chips' }, el('button', { type: 'button', class: 'go', id: 'print-go', onclick: printNow }, icon('print'), say('print')),
      el('button', { type: 'button', class: 'chip', id: 'print-png', onclick: savePicture }, icon('save'), 'PNG')));
}

function drawPreview() {
  const { preview, options } = sheet_;
  if (!preview) return;
  const made = makeSheet(options, 1);
  // The tiles of the paper's own scale come in their own time; then the preview is drawn again.
  const place = JSON.stringify([made.view.left, made.view.top, made.view.zoom]);
  if (app.prepareBase && sheet_.awaited !== place) { sheet_.awaited = place; app.prepareBase(made.view).then(drawPreview); }
  const picture = paintScene(made.shapes, made.canvas, made.frame, made.size, 1.4);
  const { frame, options: set } = made;
  Object.assign(preview.dataset, { paper: made.size.join(' '), frame: [frame.x, frame.y, frame.w, frame.h].map((part) => part.toFixed(3)).join(' '), scale: String(set.scaleNumber), centre: `${set.centre.lng} ${set.centre.lat}` });
  fill(preview, picture);
  let hasBase = false;
  if (app.stampBase) app.stampBase(() => { hasBase = true; });
  const needs = hasBase && !options.approval ? say('print.approval.hint') : '';
  const note = document.getElementById('print-note');
  if (note) note.textContent = [`${made.size.join(' × ')} mm · 1:${spaced(set.scaleNumber)}`, needs].filter(Boolean).join(' · ');
}

// Lays the sheet out for the printer: one page of exactly its size.
function layPaper(options) {
  clearPaper();
  const made = makeSheet(options, options.paper === 'A3' ? 2 : 3);
  const [width, height] = made.size;
  const rule = el('style', { class: 'paper-size' });
  rule.textContent = `@page { size: ${width}mm ${height}mm; margin: 0 } @media print { #paper { width: ${width}mm; height: ${height - 0.4}mm } }`;
  document.head.append(rule);
  document.body.append(el('div', { id: 'paper' }, svgScene(made.shapes, made.canvas, made.frame, made.size)));
}

function clearPaper() {
  document.querySelectorAll('#paper, style.paper-size').forEach((node) => node.remove());
}

function printNow() {
  layPaper(sheet_.options);
  window.print();
}

function savePicture() {
  const made = makeSheet(sheet_.options, 2);
  paintScene(made.shapes, made.canvas, made.frame, made.size, 2).toBlob((blob) => { saveFile(blob, `${fileName(sheet_.options.title)}.png`); announce(say('print.saved')); }, 'image/png');
}

function startPrint() {
  // Printing by the browser's own menu gives a sheet too.
  window.addEventListener('beforeprint', () => { if (!document.getElementById('paper')) layPaper(sheet_.preview ? sheet_.options : { ...printDefaults(), room: room() }); });
  window.addEventListener('afterprint', () => setTimeout(clearPaper, 0));
}
