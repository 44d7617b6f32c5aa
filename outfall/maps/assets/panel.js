// The panel beside the map (below it on a phone): what was clicked, who may be responsible, where its water goes, every field.

function drawPanel() {
  const panel = document.getElementById('panel');
  const { selected } = app;
  const hadFocus = panel.contains(document.activeElement);
  panel.classList.toggle('open', Boolean(selected));
  panel.inert = !selected;
  document.body.classList.toggle('has-selection', Boolean(selected));
  if (!selected) { fill(panel); if (hadFocus) document.getElementById('map').focus({ preventScroll: true }); return; }
  const layer = app.layers[selected.layer];
  const { row } = selected;
  fill(panel, gripOf(panel), headOf(layer, row), el('div', { class: 'scroll' }, bodyOf(layer, row)));
  panel.querySelector('.scroll').scrollTop = 0;
  announce([titleOf(layer.name, row), called(layer), called(app.sheets[layer.name].look(row)), answerSaid(layer, row)].filter(Boolean).join(', '));
  if (hadFocus) panel.focus({ preventScroll: true });
}

// The grip of the sheet on a phone: tap for more or less, drag down to close.
function gripOf(panel) {
  const isTall = () => String(panel.classList.contains('tall'));
  const grip = el('button', { class: 'grip', type: 'button', 'aria-label': say('panel.grip'), 'aria-expanded': isTall() });
  let from = null, moved = 0;
  grip.addEventListener('pointerdown', (event) => { from = event.clientY; moved = 0; grip.setPointerCapture(event.pointerId); });
  grip.addEventListener('pointermove', (event) => {
    if (from === null) return;
    moved = event.clientY - from;
    panel.style.transform = moved > 0 ? `translateY(${moved}px)` : '';
  });
  const done = () => { panel.style.transform = ''; from = null; };
  grip.addEventListener('pointerup', () => {
    done();
    if (moved > 70) { if (panel.classList.contains('tall')) panel.classList.remove('tall'); else deselect(); }
    if (moved < -40) panel.classList.add('tall');
    grip.setAttribute('aria-expanded', isTall());
  });
  grip.addEventListener('pointercancel', done);
  grip.addEventListener('click', () => { if (Math.abs(moved) < 8) panel.classList.toggle('tall'); moved = 0; grip.setAttribute('aria-expanded', isTall()); });
  return grip;
}

function headOf(layer, row) {
  const look = app.sheets[layer.name].look(row);
  const title = titleOf(layer.name, row), key = keyOf(layer.name, row);
  const tool = (drawing, label, act) => el('button', { type: 'button', class: 'round', 'aria-label': say(label), title: say(label), onclick: act }, icon(drawing));
  return el('header', {},
    el('div', { class: 'head' }, swatch(look, app.lang, layer.kind),
      el('div', {}, el('h2', {}, title), el('p', { class: 'sub' }, [called(look), key !== title && key].filter(Boolean).join(' · ')))),
    el('div', { class: 'tools' },
      app.trail.length ? tool('left', 'back', back) : null,
      tool('target', 'panel.zoom', () => flyTo(app.selected)),
      tool('close', 'close', deselect)));
}

function bodyOf(layer, row) {
  const parts = [];
  const journey = journeyOf(layer, row);
  if (layer.name === 'outfalls' && app.data.found) {
    parts.push(verdictOf(layer, row), photosOf(layer, row), section(say('candidates'), candidatesOf(row)), journey);
  } else if (layer.name === 'sources' && app.data.found) {
    parts.push(photosOf(layer, row), journey, section(say('explains'), explainedBy(row)));
  } else {
    parts.push(photosOf(layer, row), journey);
  }
  const button = (drawing, label, act) => el('button', { type: 'button', class: 'chip', onclick: act }, icon(drawing), say(label));
  parts.push(section(say('fields'), fieldsOf(layer, row)),
    el('div', { class: 'chips' }, button('copy', 'copy.card', (event) => copy(cardText(layer, row), event.currentTarget)), button('link', 'copy.link', (event) => copy(window.location.href, event.currentTarget))));
  return parts;
}

function answerSaid(layer, row) {
  const answer = layer.column.answer && layer.column.answer.at(row);
  if (!answer || answer === 'untraced') return '';
  const id = layer.column.answer_source.at(row);
  const source = findKey('sources', id);
  return `${say(`verdict.${answer}`, source >= 0 ? titleOf('sources', source) : id)} ${percent(layer.column.answer_share.at(row) || 0)}`;
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
