// What a feature says about itself: every field as a labelled line of text, and its photos.

const LONG_TEXT = 160;

function fieldsOf(layer, row) {
  const lines = [];
  for (const name of layer.popup) {
    const column = layer.column[name];
    const text = column ? shown(column, row) : null;
    if (text === null || text === '') continue;
    lines.push(fieldLine(layer, name, column, text));
  }
  const spot = place(layer.name, row);
  if (layer.kind === 'points' && spot) lines.push(el('dt', {}, say('position')), el('dd', {}, positionOf(spot)));
  return el('dl', { class: 'fields' }, lines);
}

function fieldLine(layer, name, column, text) {
  const label = el('dt', { title: name }, called(column));
  const target = { answer_source: 'sources', reach_id: 'reaches', source_id: 'sources', outfall_id: 'outfalls' }[name];
  const row = target && target !== layer.name ? findKey(target, column.at === undefined ? '' : text) : -1;
  if (row >= 0) return [label, el('dd', {}, el('button', { class: 'link', type: 'button', onclick: () => select(target, row, { fly: true }) }, name === 'answer_source' ? titleOf(target, row) : text))];
  if (name === 'answer_source' && text === 'unregistered') return [label, el('dd', {}, say('unregistered'))];
  if (column.type === 'ids') return [label, el('dd', { class: 'ids' }, String(text).split(';').map((part) => el('span', {}, part)))];
  return [label, el('dd', { class: text.length > LONG_TEXT ? 'long' : '' }, text)];
}

function positionOf(spot) {
  const text = `${spot.lon.toFixed(6)}, ${spot.lat.toFixed(6)}`;
  return [text, el('button', { class: 'mini', type: 'button', 'aria-label': say('copy'), title: say('copy'), onclick: (event) => copy(text, event.currentTarget) }, icon('copy'))];
}

function photosOf(layer, row) {
  const column = layer.column.photo_ids;
  const ids = column ? String(column.at(row) || '').split(';').filter(Boolean) : [];
  const made = ids.map((id) => app.data.photos[id] || app.data.photos[id.trim()]).filter(Boolean);
  if (!made.length) return null;
  return el('div', { class: 'photos' }, made.map((photo) => el('button', { type: 'button', class: 'photo', title: photo.file, onclick: () => enlarge(photo) },
    el('img', { src: urlOf(photo), alt: photo.file, width: photo.width, height: photo.height }))));
}

function urlOf(photo) {
  photo.url = photo.url || app.data.image(photo.image);
  return photo.url;
}

function enlarge(photo) {
  const box = el('div', { class: 'lightbox', role: 'dialog', 'aria-modal': 'true', 'aria-label': photo.file });
  const before = document.activeElement;
  const close = () => { box.remove(); if (before) before.focus(); };
  const button = el('button', { type: 'button', class: 'round', 'aria-label': say('photo.close'), onclick: close }, icon('close'));
  box.append(el('figure', {}, el('img', { src: urlOf(photo), alt: photo.file }), el('figcaption', {}, photo.file)), button);
  box.addEventListener('click', (event) => { if (event.target === box) close(); });
  box.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); close(); } });
  document.body.append(box);
  button.focus();
}

async function copy(text, button) {
  let isDone = false;
  try { await navigator.clipboard.writeText(text); isDone = true; } catch (error) {
    const field = el('textarea', { class: 'aside', value: text });
    document.body.append(field);
    field.select();
    isDone = document.execCommand('copy');
    field.remove();
  }
  if (!isDone || !button) return;
  button.classList.add('done');
  button.setAttribute('aria-label', say('copied'));
  setTimeout(() => button.classList.remove('done'), 1400);
}
