// How many features of each class are let through by every filter but the class itself, and their sum in kilometres or the like.

// Returns {counts, sums, all, shown}: by class, of the whole layer, and of what is drawn now.
function countsOf(layer, sheet) {
  const lets = [...sheet.filters.values()];
  if (sheet.only) lets.push(sheet.only);
  const classes = sheet.looks.length;
  const weights = layer.total && layer.column[layer.total] ? numbersOf(layer.column[layer.total], layer.n) : null;
  const found = { counts: sheet.counts, all: sheet.counts, sums: null, shown: 0, shownSum: 0, isNarrow: lets.length > 0 };
  if (lets.length || weights) {
    found.counts = new Array(classes).fill(0);
    found.sums = weights && new Array(classes).fill(0);
    for (let row = 0; row < layer.n; row++) {
      let isIn = true;
      for (let k = 0; isIn && k < lets.length; k++) isIn = lets[k](row);
      if (!isIn) continue;
      found.counts[sheet.classes[row]]++;
      if (weights && weights[row] === weights[row]) found.sums[sheet.classes[row]] += weights[row];
    }
  }
  for (let at = 0; at < classes; at++) {
    if (sheet.hidden.has(at)) continue;
    found.shown += found.counts[at];
    if (found.sums) found.shownSum += found.sums[at];
  }
  return found;
}

function sumText(layer, value) {
  const { unit } = layer.column[layer.total];
  if (unit === 'm') return metres(value);
  return `${number(value, 1)}${unit ? ` ${unit}` : ''}`;
}

function countText(part, whole, isNarrow) {
  return isNarrow && part !== whole ? say('legend.of', number(part), number(whole)) : number(whole);
}

// Writes the counts of all layers into a legend that stands, without making it anew.
function refreshCounts() {
  isStale = false;
  for (const layer of app.data.layers) {
    const node = document.querySelector(`#legend [data-layer="${CSS.escape(layer.name)}"]`);
    const sheet = app.sheets[layer.name];
    if (!node || layer.kind === 'raster') continue;
    const found = countsOf(layer, sheet);
    const head = node.querySelector('summary .count');
    if (head) head.textContent = headText(layer, sheet, found);
    node.querySelectorAll('.row[data-class]').forEach((row) => {
      const at = Number(row.dataset.class);
      row.querySelector('.count').textContent = rowText(layer, found, at);
    });
  }
}

function headText(layer, sheet, found) {
  const text = countText(found.shown, layer.n, found.isNarrow || sheet.hidden.size > 0);
  return found.sums ? `${text} · ${sumText(layer, found.shownSum)}` : text;
}

function rowText(layer, found, at) {
  const text = countText(found.counts[at], found.all[at], found.isNarrow);
  return found.sums ? `${text} · ${sumText(layer, found.sums[at])}` : text;
}

let isStale = false;

// Some sheets let other rows through now: paint them, and count at the next quiet moment.
function narrowed(sheets, isDone) {
  for (const sheet of sheets) if (sheet.redraw) sheet.redraw();
  if (app.names) app.names.redraw();
  if (isDone) refreshCounts();
  else if (!isStale) { isStale = true; setTimeout(refreshCounts, 160); }
  emit('narrow');
}
