// The legend: every row is a button with its count that shows or hides its class; numbers have a histogram to filter by.

function drawLegend() {
  const body = document.getElementById('legend');
  const focus = document.activeElement && body.contains(document.activeElement) ? document.activeElement.dataset.focus : '';
  const drawn = [...app.data.layers].reverse();
  fill(body, treeOf(drawn), el('p', { class: 'hint' }, say('legend.hint')));
  if (!drawn.some((layer) => layer.kind === 'raster' || layer.n)) body.prepend(el('p', { class: 'hint' }, say('legend.none')));
  // Whoever works by keyboard stays where they were.
  const node = focus && body.querySelector(`[data-focus="${CSS.escape(focus)}"]`);
  if (node) node.focus({ preventScroll: true });
}

let isLegendDue = false;

// However many switches one act turns, the legend is built once, before anything is painted.
function redrawLegend() {
  if (isLegendDue) return;
  isLegendDue = true;
  queueMicrotask(() => { isLegendDue = false; drawLegend(); drawOverview(); });
}

function classesOf(layer, sheet) {
  const styles = Object.keys(layer.styles || {});
  const choice = styles.length > 1 && el('label', { class: 'by' }, say('legend.by'), el('select', {
    'data-focus': `by:${layer.name}`, onchange: (event) => { sheet.filters.delete('range'); sheet.range = null; sheet.classify(event.target.value); emit('filter'); },
  }, styles.map((name) => el('option', { value: name, selected: name === sheet.style }, called(layer.column[name])))));
  const found = countsOf(layer, sheet);
  const isNumber = sheet.style && layer.column[sheet.style].type === 'number';
  const rows = sheet.looks.map((look, at) => el('button', {
    class: 'row', type: 'button', 'aria-pressed': String(!sheet.hidden.has(at)), 'data-value': look.value, 'data-class': at, 'data-focus': `row:${layer.name}:${at}`,
    onclick: () => { toggleClass(sheet, at); },
    ondblclick: () => { aloneClass(sheet, at); },
  }, swatch(look, app.lang, layer.kind), el('span', { class: 'name' }, rangeName(layer, sheet, look)), el('span', { class: 'count' }, rowText(layer, found, at))));
  const doubtful = layer.ring && countFlag(layer, layer.ring);
  const ring = doubtful ? el('button', {
    class: 'row', type: 'button', 'aria-pressed': String(Boolean(sheet.only)), 'data-value': 'ring', 'data-focus': `ring:${layer.name}`,
    onclick: () => { sheet.only = sheet.only ? null : (row) => layer.column[layer.ring].at(row) === 'yes'; emit('filter'); },
  }, el('span', { class: 'swatch ring', 'aria-hidden': 'true' }), el('span', { class: 'name' }, say('legend.ring')), el('span', { class: 'count' }, number(doubtful))) : null;
  return el('div', { class: 'rows' }, choice, isNumber ? histogramOf(layer, sheet) : null, rows, ring);
}

const BINS = 8;

// A share is said in per cent, as everywhere on the page.
function sayAmount(column, value) {
  return column.share ? percent(value) : number(Number(value.toPrecision(4)), 6);
}

function rangeName(layer, sheet, look) {
  if (look.from === undefined) return called(look);
  const column = layer.column[sheet.style];
  return look.to > look.from ? `${sayAmount(column, look.from)} – ${sayAmount(column, look.to)}` : sayAmount(column, look.from);
}

// Every class is equally wide here, so that crowded values are seen apart; the borders stand below.
function histogramOf(layer, sheet) {
  const column = layer.column[sheet.style];
  const classes = sheet.looks.filter((look) => look.from !== undefined);
  const unit = column.unit && !called(column).includes(column.unit) ? column.unit : '';
  const title = el('p', { class: 'unit' }, called(column), unit ? ` (${unit})` : '');
  if (!classes.length || classes[0].to === classes[0].from) return title;
  const numbers = numbersOf(column, layer.n);
  const count = classes.length * BINS;
  const valueAt = (at) => {
    const look = classes[Math.min(classes.length - 1, Math.floor(at / BINS))];
    return look.from + ((look.to - look.from) * (at - BINS * classes.indexOf(look))) / BINS;
  };
  const says = (value) => `${sayAmount(column, value)}${unit && !column.share ? ` ${unit}` : ''}`;
  const range = sheet.range || (sheet.range = { from: 0, to: count });
  const out = el('output', { class: 'range' });
  const show = () => { out.textContent = range.to - range.from === count ? '' : `${says(valueAt(range.from))} – ${says(valueAt(range.to))}`; };
  const made = brush({
    count, from: range.from, to: range.to, bars: binsOf(sheet, column, numbers, classes), colour: (at) => classes[Math.floor(at / BINS)].colour,
    label: `${say('range.label')}: ${called(column)}`, names: [say('range.from'), say('range.to'), say('range.window')],
    text: (at) => says(valueAt(at)), span: (from, to) => `${says(valueAt(from))} – ${says(valueAt(to))}`,
    change: (from, to, isDone) => {
      Object.assign(range, { from, to });
      const low = valueAt(from), high = valueAt(to), isTop = to === count;
      if (to - from === count) sheet.filters.delete('range');
      else sheet.filters.set('range', (row) => numbers[row] >= low && (isTop || numbers[row] < high));
      show();
      narrowed([sheet], isDone);
    },
  });
  show();
  const borders = el('div', { class: 'borders', 'aria-hidden': 'true' }, [...classes.map((look) => look.from), classes[classes.length - 1].to].map((value) => el('i', {}, briefNumber(column, value))));
  return el('div', { class: 'numbers' }, el('div', { class: 'unit' }, title.textContent, out), made.node, borders);
}

function briefNumber(column, value) {
  if (column.share) return `${number(value * 100, 0)}`;
  return Math.abs(value) >= 10000 ? `${number(value / 1000, 0)}k` : number(Number(value.toPrecision(3)), 4);
}

function binsOf(sheet, column, numbers, classes) {
  if (column.bins) return column.bins;
  const bins = new Array(classes.length * BINS).fill(0);
  for (let row = 0; row < numbers.length; row++) {
    const look = classes[sheet.classes[row]];
    if (!look || numbers[row] !== numbers[row]) continue;
    bins[sheet.classes[row] * BINS + Math.max(0, Math.min(BINS - 1, Math.floor(((numbers[row] - look.from) / (look.to - look.from)) * BINS)))]++;
  }
  column.bins = bins;
  return bins;
}

function countFlag(layer, name) {
  let count = 0;
  for (let row = 0; row < layer.n; row++) if (layer.column[name].at(row) === 'yes') count++;
  return count;
}

function toggleLayer(name) {
  const sheet = app.sheets[name];
  if (app.map.hasLayer(sheet)) sheet.remove();
  else sheet.addTo(app.map);
  emit('filter');
}

function toggleClass(sheet, at) {
  if (sheet.hidden.has(at)) sheet.hidden.delete(at);
  else sheet.hidden.add(at);
  if (!app.map.hasLayer(sheet)) sheet.addTo(app.map);
  emit('filter');
}

function aloneClass(sheet, at) {
  const others = sheet.looks.map((_, other) => other).filter((other) => other !== at);
  const isAlone = !sheet.hidden.has(at) && others.every((other) => sheet.hidden.has(other));
  sheet.hidden = new Set(isAlone ? [] : others);
  emit('filter');
}

// How many outfalls got which answer, and which sources are behind most of them.
function drawOverview() {
  const node = document.getElementById('overview');
  const sheet = app.sheets.outfalls;
  fill(node);
  if (!sheet || !app.layers.outfalls.n || !app.layers.outfalls.styles || !app.layers.outfalls.styles.answer) return;
  if (sheet.style === 'answer') {
    node.append(el('div', { class: 'stack', role: 'img', 'aria-label': sheet.looks.map((look, at) => `${called(look)} ${sheet.counts[at]}`).join(', ') },
      sheet.looks.map((look, at) => el('i', { style: { flexGrow: String(sheet.counts[at]), background: look.colour }, title: `${called(look)} ${sheet.counts[at]}` }))));
  }
  const involved = mostInvolved();
  if (!involved.length) return;
  node.append(el('details', { class: 'top' }, el('summary', {}, icon('open'), el('span', { class: 'name' }, say('overview.top'))), el('ol', {}, involved.map(([source, sum, count]) => el('li', {},
    el('button', { class: 'link', type: 'button', onclick: () => select('sources', source, { fly: true }) },
      el('span', { class: 'name' }, titleOf('sources', source)), el('span', { class: 'count' }, say('overview.outfalls', count)),
      el('i', { class: 'meter' }, el('b', { style: { width: `${(100 * sum) / involved[0][1]}%` } }))))))));
}

function mostInvolved() {
  const { found } = app.data;
  if (!found || !app.layers.sources) return [];
  const sums = [...found.bySource].map(([source, rows]) => {
    const shares = rows.map((row) => found.rows.posterior_share.at(row) || 0);
    return [source, shares.reduce((sum, share) => sum + share, 0), shares.filter((share) => share >= 0.1).length];
  });
  return sums.filter((item) => item[2]).sort((one, other) => other[1] - one[1]).slice(0, 5);
}
