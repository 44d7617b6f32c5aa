// Who may be responsible: ranked sources with their probability, each with its reasons and its path.

const MOST_SHOWN = 8;
const LEAST_SHARE = 0.005;
const DECIBAN = 10 / Math.LN10;

function candidatesOf(row) {
  const { found } = app.data;
  const rows = found ? found.byOutfall.get(row) || [] : [];
  if (!rows.length) return el('p', { class: 'hint' }, say('candidates.none'));
  const share = (at) => found.rows.posterior_share.at(at) || 0;
  const isKept = (at, rank) => (rank < MOST_SHOWN && share(at) >= LEAST_SHARE) || found.rows.source_id.at(at) === 'unregistered' || rank < 2;
  const kept = rows.filter(isKept);
  const rest = rows.filter((at, rank) => !isKept(at, rank));
  const list = el('ol', { class: 'candidates' }, kept.map(candidateRow));
  const more = rest.length ? el('button', { type: 'button', class: 'link more', onclick: (event) => { event.currentTarget.remove(); list.append(...rest.map(candidateRow)); } },
    say('candidates.more', rest.length, percent(rest.reduce((sum, at) => sum + share(at), 0)))) : null;
  const hasPrior = kept.some((at) => found.rows.prior_share.at(at) !== null);
  return [list, more, el('p', { class: 'hint' }, hasPrior ? `${say('candidates.click')} · ${say('prior.mark')}` : say('candidates.click'))];
}

function candidateRow(at) {
  const { found } = app.data;
  const share = found.rows.posterior_share.at(at) || 0;
  const prior = found.rows.prior_share.at(at);
  const id = found.rows.source_id.at(at);
  const source = found.rows.source[at];
  const isUnknown = id === 'unregistered';
  const look = source >= 0 && app.sheets.sources ? app.sheets.sources.look(source) : null;
  const name = isUnknown ? say('unregistered') : source >= 0 ? titleOf('sources', source) : id;
  const facts = [found.rows.distance_m.at(at) !== null && `${say('distance')} ${metres(found.rows.distance_m.at(at))}`,
    found.rows.off_m.at(at) >= 1 && `${say('off')} ${metres(found.rows.off_m.at(at))}`,
    found.rows.travel_h.at(at) !== null && `${say('travel')} ${hours(found.rows.travel_h.at(at))}`].filter(Boolean).join(' · ');
  const head = el('button', { type: 'button', class: 'candidate', 'aria-expanded': 'false', 'aria-controls': `why${at}` },
    el('span', { class: 'line' },
      look ? swatch(look, app.lang, 'points') : el('span', { class: 'swatch unknown', 'aria-hidden': 'true' }, isUnknown ? '?' : ''),
      el('span', { class: 'name' }, name), el('b', { class: 'share' }, percent(share))),
    el('i', { class: 'meter' }, el('b', { style: { width: `${Math.max(0.6, 100 * share)}%` } }), prior !== null && el('u', { style: { left: `${100 * prior}%` }, title: `${say('prior')} ${percent(prior)}` })),
    el('span', { class: 'facts' }, facts || (isUnknown ? say('unregistered.note') : '')));
  const why = el('div', { class: 'why', id: `why${at}`, hidden: true });
  const item = el('li', { class: isUnknown ? 'unknown' : '' }, head, why);
  head.addEventListener('click', () => {
    const isOpen = head.getAttribute('aria-expanded') === 'true';
    head.setAttribute('aria-expanded', String(!isOpen));
    why.hidden = isOpen;
    if (!isOpen) fill(why, reasonsOf(at, source));
    app.focus = isOpen ? null : at;
    emit('focus');
  });
  return item;
}

function reasonsOf(at, source) {
  const { found } = app.data;
  const lines = found.evidence.byCandidate.get(at) || [];
  const reason = pick(found.rows, at);
  const most = Math.max(10, ...lines.map((k) => Math.abs(found.evidence.log_lr.at(k) * DECIBAN)));
  return [
    reason ? el('p', { class: 'reason' }, reason) : null,
    lines.length ? el('ul', { class: 'evidence' }, lines.map((k) => evidenceRow(k, most))) : el('p', { class: 'hint' }, say('evidence.none')),
    lines.length ? el('p', { class: 'hint' }, say('evidence.scale')) : null,
    source >= 0 ? el('button', { type: 'button', class: 'go', onclick: () => select('sources', source, { fly: true }) }, icon('target'), say('go.source')) : null,
  ];
}

function evidenceRow(k, most) {
  const { evidence } = app.data.found;
  const bans = evidence.log_lr.at(k) * DECIBAN;
  const width = `${(50 * Math.abs(bans)) / most}%`;
  const refs = String(evidence.refs.at(k) || '').split(';').filter(Boolean);
  const kind = bans > 0.05 ? 'for' : bans < -0.05 ? 'against' : 'even';
  return el('li', { class: kind },
    el('span', { class: 'line' }, el('span', { class: 'name' }, shown(evidence.line, k) || ''), el('b', {}, `${bans > 0 ? '+' : bans < 0 ? '−' : ''}${Math.abs(bans).toFixed(1)} ${say('evidence.dban')}`)),
    el('i', { class: 'scale' }, el('b', { style: bans >= 0 ? { left: '50%', width } : { right: '50%', width } })),
    el('p', {}, pick(evidence, k) || ''),
    refs.length ? el('details', {}, el('summary', {}, `${say('evidence.refs')} (${refs.length})`), el('p', { class: 'refs' }, refs.map((ref) => el('code', {}, ref)))) : null);
}

function pick(rows, at) {
  const zh = rows.reason_zh.at(at), en = rows.reason.at(at);
  return app.lang === 'zh' ? zh || en : en || zh;
}

// The outfalls a source may explain, the likeliest first.
function explainedBy(row) {
  const { found } = app.data;
  const rows = found ? [...(found.bySource.get(row) || [])] : [];
  const share = (at) => found.rows.posterior_share.at(at) || 0;
  const kept = rows.filter((at) => share(at) >= LEAST_SHARE).sort((one, other) => share(other) - share(one));
  if (!kept.length) return el('p', { class: 'hint' }, say('explains.none'));
  return el('ol', { class: 'candidates' }, kept.slice(0, 40).map((at) => {
    const outfall = found.rows.outfall[at];
    return el('li', {}, el('button', { type: 'button', class: 'candidate', onclick: () => select('outfalls', outfall, { fly: true }), onmouseenter: () => { app.focus = at; emit('focus'); }, onmouseleave: () => { app.focus = null; emit('focus'); } },
      el('span', { class: 'line' }, app.sheets.outfalls && swatch(app.sheets.outfalls.look(outfall), app.lang, 'points'), el('span', { class: 'name' }, titleOf('outfalls', outfall)), el('b', { class: 'share' }, percent(share(at)))),
      el('i', { class: 'meter' }, el('b', { style: { width: `${Math.max(0.6, 100 * share(at))}%` } }))));
  }));
}
