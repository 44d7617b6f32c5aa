// The legend: every row is a button with its count that shows or hides its class.

function drawLegend() {
  const body = document.getElementById('legend');
  const isOpen = {};
  body.querySelectorAll('details').forEach((node) => { isOpen[node.dataset.layer] = node.open; });
  const drawn = [...app.data.layers].reverse();
  fill(body, drawn.map((layer) => legendOf(layer, isOpen[layer.name])), el('p', { class: 'hint' }, say('legend.hint')));
  if (!drawn.some((layer) => layer.kind === 'raster' || layer.n)) body.prepend(el('p', { class: 'hint' }, say('legend.none')));
}

function legendOf(layer, wasOpen) {
  const sheet = app.sheets[layer.name];
  const isOn = app.map.hasLayer(sheet);
  const toggle = el('button', {
    class: 'switch', type: 'button', role: 'switch', 'aria-checked': String(isOn), 'aria-label': `${say('legend.show')}: ${called(layer)}`,
    onclick: (event) => { event.preventDefault(); toggleLayer(layer.name); },
  });
  const head = el('summary', {}, icon('open'), el('span', { class: 'name' }, called(layer)), el('span', { class: 'count' }, layer.kind === 'raster' ? '' : number(layer.n)), toggle);
  // A long list of kinds starts folded, so that the rest of the legend is seen.
  const isLong = layer.kind === 'points' && sheet.looks.length > 8;
  const isOpen = wasOpen === undefined ? layer.shown && !isLong && (layer.kind === 'raster' || layer.n > 0) : wasOpen;
  return el('details', { 'data-layer': layer.name, open: isOpen, class: isOn ? '' : 'off' }, head, sideChoice(layer), layer.kind === 'raster' ? rasterRows(layer, sheet) : classesOf(layer, sheet));
}

function classesOf(layer, sheet) {
  const styles = Object.keys(layer.styles || {});
  const choice = styles.length > 1 && el('label', { class: 'by' }, say('legend.by'), el('select', {
    onchange: (event) => { sheet.classify(event.target.value); emit('filter'); },
  }, styles.map((name) => el('option', { value: name, selected: name === sheet.style }, called(layer.column[name])))));
  const rows = sheet.looks.map((look, at) => el('button', {
    class: 'row', type: 'button', 'aria-pressed': String(!sheet.hidden.has(at)), 'data-value': look.value,
    onclick: () => { toggleClass(sheet, at); },
    ondblclick: () => { aloneClass(sheet, at); },
  }, swatch(look, app.lang, layer.kind), el('span', { class: 'name' }, called(look)), el('span', { class: 'count' }, number(sheet.counts[at]))));
  const doubtful = layer.ring && countFlag(layer, layer.ring);
  const ring = doubtful ? el('button', {
    class: 'row', type: 'button', 'aria-pressed': String(Boolean(sheet.only)), 'data-value': 'ring',
    onclick: () => { sheet.only = sheet.only ? null : (row) => layer.column[layer.ring].at(row) === 'yes'; emit('filter'); },
  }, el('span', { class: 'swatch ring', 'aria-hidden': 'true' }), el('span', { class: 'name' }, say('legend.ring')), el('span', { class: 'count' }, number(doubtful))) : null;
  return el('div', { class: 'rows' }, choice, rows, ring);
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
