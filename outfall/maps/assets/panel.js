// The panel beside the map (below it on a phone): what was clicked, who may be responsible, every field.

function drawPanel() {
  const panel = document.getElementById('panel');
  const { selected } = app;
  panel.classList.toggle('open', Boolean(selected));
  panel.inert = !selected;
  document.body.classList.toggle('has-selection', Boolean(selected));
  if (!selected) { fill(panel); return; }
  const layer = app.layers[selected.layer];
  const { row } = selected;
  fill(panel,
    el('button', { class: 'grip', type: 'button', 'aria-label': say('panel'), onclick: () => panel.classList.toggle('tall') }),
    headOf(layer, row),
    el('div', { class: 'scroll' }, bodyOf(layer, row)));
  panel.querySelector('.scroll').scrollTop = 0;
}

function headOf(layer, row) {
  const look = app.sheets[layer.name].look(row);
  const title = titleOf(layer.name, row), key = keyOf(layer.name, row);
  return el('header', {},
    el('div', { class: 'head' }, swatch(look, app.lang, layer.kind),
      el('div', {}, el('h2', {}, title), el('p', { class: 'sub' }, [called(look), key !== title && key].filter(Boolean).join(' · ')))),
    el('div', { class: 'tools' },
      app.trail.length ? el('button', { type: 'button', class: 'round', 'aria-label': say('back'), title: say('back'), onclick: back }, '←') : null,
      el('button', { type: 'button', class: 'round', 'aria-label': say('zoom.in'), title: say('zoom.in'), onclick: () => flyTo(app.selected) }, icon('target')),
      el('button', { type: 'button', class: 'round', 'aria-label': say('close'), title: say('close'), onclick: deselect }, icon('close'))));
}

function bodyOf(layer, row) {
  const parts = [];
  if (layer.name === 'outfalls' && app.data.found) {
    parts.push(verdictOf(layer, row), photosOf(layer, row), section(say('candidates'), candidatesOf(row)));
  } else if (layer.name === 'sources' && app.data.found) {
    parts.push(photosOf(layer, row), section(say('explains'), explainedBy(row)));
  } else {
    parts.push(photosOf(layer, row));
  }
  parts.push(section(say('fields'), fieldsOf(layer, row)));
  return parts;
}

function verdictOf(layer, row) {
  const answer = layer.column.answer && layer.column.answer.at(row);
  if (!answer || answer === 'untraced') return null;
  const id = layer.column.answer_source.at(row);
  const source = findKey('sources', id);
  const name = source >= 0 ? titleOf('sources', source) : id;
  const look = (layer.styles.answer || []).find((item) => item.value === answer);
  return el('div', { class: 'verdict', style: { borderColor: look ? look.colour : '' } },
    el('span', {}, say(`verdict.${answer}`, name)), el('b', {}, percent(layer.column.answer_share.at(row) || 0)));
}

function section(title, ...children) {
  return el('section', {}, el('h3', {}, title), children);
}
