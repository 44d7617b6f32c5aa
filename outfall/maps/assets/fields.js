// What a feature says about itself: every field as a labelled line of text; and the whole card as text to copy.

const LONG_TEXT = 160;

function fieldsOf(layer, row) {
  const lines = [], without = [];
  for (const name of layer.popup) {
    const column = layer.column[name];
    if (!column) continue;
    const text = fieldText(layer, name, row);
    if (text === null || text === '') without.push(called(column));
    else lines.push(fieldLine(layer, name, column, text, row));
  }
  const spot = place(layer.name, row);
  if (layer.kind === 'points' && spot) lines.push(el('dt', {}, say('position')), el('dd', {}, positionOf(spot)));
  return [el('dl', { class: 'fields' }, lines), without.length ? el('details', { class: 'without' }, el('summary', {}, icon('open'), say('fields.without', without.length)), el('p', {}, without.join(app.lang === 'zh' ? '、' : ', '))) : null];
}

// A field as it is said everywhere: in the panel, in the table, in what is copied.
function fieldText(layer, name, row) {
  const text = shown(layer.column[name], row);
  return name === 'answer_source' && text === 'unregistered' ? say('unregistered') : text;
}

function fieldLine(layer, name, column, text, row) {
  const other = app.lang === 'zh' ? column.en : column.zh;
  const label = el('dt', { title: [other, name].filter(Boolean).join(' · ') }, called(column));
  const target = { answer_source: 'sources', reach_id: 'reaches', source_id: 'sources', outfall_id: 'outfalls' }[name];
  const raw = column.at(row);
  const there = target && target !== layer.name ? findKey(target, String(raw)) : -1;
  if (there >= 0) return [label, el('dd', {}, el('button', { class: 'link', type: 'button', onclick: () => select(target, there, { fly: true }) }, name === 'answer_source' ? titleOf(target, there) : text))];
  if (column.type === 'ids') return [label, el('dd', { class: 'ids' }, String(text).split(';').map((part) => el('span', {}, part)))];
  return [label, el('dd', { class: text.length > LONG_TEXT ? 'long' : '' }, text)];
}

function positionOf(spot) {
  const text = `${spot.lon.toFixed(6)}, ${spot.lat.toFixed(6)}`;
  return [text, el('button', { class: 'mini', type: 'button', 'aria-label': say('copy'), title: say('copy'), onclick: (event) => copy(text, event.currentTarget) }, icon('copy'))];
}

// The whole card as lines of text, for a message or a report.
function cardText(layer, row) {
  const lines = [titleOf(layer.name, row), `${called(layer)} · ${called(app.sheets[layer.name].look(row))}`, ''];
  for (const name of layer.popup) {
    const column = layer.column[name];
    const text = column ? fieldText(layer, name, row) : null;
    if (text !== null && text !== '') lines.push(`${called(column)}: ${text}`);
  }
  const spot = place(layer.name, row);
  if (layer.kind === 'points' && spot) lines.push(`${say('position')} (WGS 84): ${spot.lon.toFixed(6)}, ${spot.lat.toFixed(6)}`);
  const rows = layer.name === 'outfalls' && app.data.found ? app.data.found.byOutfall.get(row) || [] : [];
  if (rows.length) lines.push('', say('candidates'), ...rows.flatMap(candidateText));
  if (lit.mode !== 'off') lines.push('', `${say(`journey.${lit.mode}`)}: ${metres(lit.facts.length)}, ${costSaid(lit.most)}, ${say('layer.outfalls')} ${lit.facts.outfalls.length}, ${say('layer.sources')} ${lit.facts.sources.length}`);
  return lines.join('\n');
}

function candidateText(at) {
  const { rows, evidence } = app.data.found;
  const id = rows.source_id.at(at), source = rows.source[at];
  const name = id === 'unregistered' ? say('unregistered') : source >= 0 ? titleOf('sources', source) : id;
  const lines = [`${percent(rows.posterior_share.at(at) || 0)}  ${name}`];
  for (const k of evidence.byCandidate.get(at) || []) {
    const bans = evidence.log_lr.at(k) * DECIBAN;
    lines.push(`    ${bans > 0 ? '+' : bans < 0 ? '−' : ''}${Math.abs(bans).toFixed(1)} ${shown(evidence.line, k) || ''}: ${pick(evidence, k) || ''}`);
  }
  return lines;
}

async function copy(text, button) {
  let isDone = false;
  try { await navigator.clipboard.writeText(text); isDone = true; } catch (error) {
    const field = el('textarea', { class: 'aside', value: text });
    (button && button.closest('[role="dialog"]') || document.body).append(field);
    field.select();
    isDone = document.execCommand('copy');
    field.remove();
    if (button) button.focus({ preventScroll: true });
  }
  announce(say(isDone ? 'copied' : 'copy.failed'));
  if (!isDone || !button) return;
  button.classList.add('done');
  setTimeout(() => button.classList.remove('done'), 1400);
}

// Says something to people who do not see the map; a short word also to those who do.
function announce(text) {
  const live = document.getElementById('live');
  if (live) live.textContent = text;
}
