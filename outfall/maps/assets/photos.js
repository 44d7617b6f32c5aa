// What a feature looks like: its photos small in the panel, one after the other large in the page.

function photosOf(layer, row) {
  const column = layer.column.photo_ids;
  const ids = column ? String(column.at(row) || '').split(';').filter(Boolean) : [];
  const made = ids.map((id) => app.data.photos[id] || app.data.photos[id.trim()]).filter(Boolean);
  if (!made.length) return null;
  return el('div', { class: 'photos', role: 'group', 'aria-label': say('photos') }, made.map((photo, at) => el('button', { type: 'button', class: 'photo', title: photo.file, 'aria-label': say('photo.open', photo.file), onclick: () => enlarge(made, at) },
    el('img', { src: urlOf(photo), alt: '', width: photo.width, height: photo.height }))));
}

function urlOf(photo) {
  photo.url = photo.url || app.data.image(photo.image);
  return photo.url;
}

// The address of the full picture, if it lies beside the page: never an address elsewhere.
function besideOf(photo) {
  const path = String(photo.beside || '').replace(/\\/g, '/');
  if (!path || /^[a-z][a-z0-9+.-]*:|^\//i.test(path) || path.split('/').includes('..')) return null;
  return path.split('/').map(encodeURIComponent).join('/');
}

function enlarge(photos, first) {
  let at = first;
  const before = document.activeElement;
  const close = () => { box.remove(); if (before) before.focus(); };
  const round = (drawing, key, act, kind) => el('button', { type: 'button', class: `round ${kind}`, 'aria-label': say(key), title: say(key), onclick: act }, icon(drawing));
  const turnTo = (next) => { at = (next + photos.length) % photos.length; show(); };
  const figure = el('figure', {});
  const many = photos.length > 1;
  const box = el('div', { class: 'lightbox', role: 'dialog', 'aria-modal': 'true', 'aria-label': say('photos') }, figure,
    many && round('left', 'photo.previous', () => turnTo(at - 1), 'previous'), many && round('right', 'photo.next', () => turnTo(at + 1), 'next'), round('close', 'photo.close', close, 'shut'));
  const show = () => {
    const photo = photos[at];
    const beside = besideOf(photo);
    fill(figure, el('img', { src: urlOf(photo), alt: photo.file, width: photo.width, height: photo.height }),
      el('figcaption', { 'aria-live': 'polite' }, el('span', { class: 'file' }, photo.file), many && el('span', { class: 'turn' }, `${at + 1} / ${photos.length}`),
        beside && el('a', { href: beside, target: '_blank', rel: 'noopener' }, say('photo.full'))));
    if (beside) bringFull(figure, photo, beside);
  };
  box.addEventListener('click', (event) => { if (event.target === box) close(); });
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
    else if (many && event.key === 'ArrowRight') turnTo(at + 1);
    else if (many && event.key === 'ArrowLeft') turnTo(at - 1);
    else if (event.key === 'Tab') keepInside(box, event);
    else return;
    event.stopPropagation();
    if (event.key !== 'Tab') event.preventDefault();
  });
  show();
  document.body.append(box);
  box.querySelector('.shut').focus();
}

// Tab goes round inside a dialog.
function keepInside(box, event) {
  const stops = [...box.querySelectorAll('button, a[href], input, select, textarea, [tabindex="0"]')].filter((node) => !node.disabled && node.getClientRects().length);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement !== edge && box.contains(document.activeElement)) return;
  event.preventDefault();
  stops[event.shiftKey ? stops.length - 1 : 0].focus();
}
