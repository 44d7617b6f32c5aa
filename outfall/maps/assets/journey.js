// What the panel says about the lit network: how long, how far, past what, to whom.

const MOST_LISTED = 30;

function journeyOf(layer, row) {
  if (lit.isWaiting) return el('section', { id: 'journey-waits' });
  if (!flowOf() || !standing(layer.name, row, true)) return null;
  const box = el('div', { class: 'journey' });
  const draw = () => fill(box, journeyTools(layer, draw), lit.mode === 'off' ? null : journeyFacts());
  draw();
  return section(say('journey'), box);
}

// Puts the journey into a panel that was opened before its walk.
function drawJourney() {
  const place = document.getElementById('journey-waits');
  const made = app.selected && journeyOf(app.layers[app.selected.layer], app.selected.row);
  if (place && made) place.replaceWith(made);
  else if (place) place.remove();
}

function journeyTools(layer, draw) {
  const choose = (mode) => {
    lit.wanted[layer.name] = mode;
    light(mode);
    app.paths.gather();
    app.names.redraw();
    draw();
    emit('lit');
  };
  return el('div', { class: 'segments', role: 'group', 'aria-label': say('journey') }, ['up', 'down', 'off'].map((mode) => el('button', {
    type: 'button', 'data-mode': mode, 'aria-pressed': String(lit.mode === mode), onclick: () => choose(mode),
  }, say(`journey.${mode}`))));
}

function journeyFacts() {
  const { facts, start, walk } = lit;
  const fact = (label, text) => el('div', {}, el('dt', {}, label), el('dd', {}, text));
  return [
    el('dl', { class: 'figures' },
      fact(say('journey.length'), metres(facts.length)),
      fact(say(flowOf().isTimed ? 'journey.longest' : 'journey.farthest'), costSaid(lit.most)),
      fact(say('layer.outfalls'), number(facts.outfalls.length)), fact(say('layer.sources'), number(facts.sources.length)), fact(say('journey.reaches'), number(facts.reaches))),
    shadesLegend(),
    start.isGuess ? el('p', { class: 'hint' }, say('journey.guess', keyOf('reaches', start.row), metres(start.off))) : null,
    facts.twoWay ? el('p', { class: 'hint two-way' }, say('journey.two.way', facts.twoWay)) : null,
    namesBeyond() ? el('p', { class: 'hint beyond' }, say('journey.beyond')) : null,
    passed(walk),
    met('outfalls', facts.outfalls),
    met('sources', facts.sources),
    el('button', { type: 'button', class: 'go', onclick: () => { const box = app.paths.getLit(true); if (box.isValid()) app.map.fitBounds(box, { ...room(), maxZoom: 17, animate: !calm() }); } }, icon('fit'), say('journey.show')),
  ];
}

// Whether the trace names a likely end that the lit network does not reach.
function namesBeyond() {
  const { found } = app.data;
  const { isUp } = lit.walk;
  const isAsked = found && app.selected.layer === (isUp ? 'outfalls' : 'sources');
  const reached = new Set((isUp ? lit.facts.sources : lit.facts.outfalls).map(([row]) => row));
  const ends = isUp ? found && found.rows.source : found && found.rows.outfall;
  return Boolean(isAsked) && tracedRows().some((row) => ends[row] >= 0 && found.path(row).length > 0 && (found.rows.posterior_share.at(row) || 0) >= 0.1 && !reached.has(ends[row]));
}

function shadesLegend() {
  const ends = [0, ...lit.breaks, lit.most];
  return el('div', { class: 'shades' },
    el('p', {}, say(!flowOf().isTimed ? 'journey.by.metres' : lit.walk.isUp ? 'journey.by.hours.up' : 'journey.by.hours.down')),
    el('ol', {}, ends.slice(0, -1).map((low, at) => el('li', { title: `${costSaid(low)} – ${costSaid(ends[at + 1])}` }, el('i', { style: { background: SHADES[at] } }), el('span', {}, at ? costSaid(low) : '0')))));
}

// What the longest stretch of the way passes, reaches of one name together.
function passed(walk) {
  const flow = flowOf();
  const { tips } = lit.facts;
  const tip = walk.isUp ? tips[tips.length - 1] : tips[0];
  const rows = tip === undefined ? [walk.row] : flow.chain(walk, tip);
  const steps = [];
  for (const row of rows) {
    const label = reachName(row);
    const cost = Math.max(walk.met.get(row).from, walk.met.get(row).to);
    const last = steps[steps.length - 1];
    if (last && last.label === label) { last.count++; last.cost = cost; last.metres += flow.metres[row]; } else steps.push({ row, label, count: 1, cost, metres: flow.metres[row] });
  }
  return el('details', { class: 'passed' }, el('summary', {}, icon('open'), el('span', { class: 'name' }, say(walk.isUp ? 'journey.passed.up' : 'journey.passed.down')), el('span', { class: 'count' }, number(rows.length))),
    el('ol', {}, steps.slice(0, 60).map((step) => el('li', {}, el('button', { type: 'button', class: 'link', onclick: () => select('reaches', step.row, { fly: true }) },
      swatch(app.sheets.reaches.look(step.row), app.lang, 'lines'), el('span', { class: 'name' }, step.count > 1 ? say('journey.pieces', step.label, step.count) : step.label),
      el('span', { class: 'count' }, `${metres(step.metres)}${flow.isTimed ? ` · ${costSaid(step.cost)}` : ''}`))))));
}

function reachName(row) {
  const { column } = app.layers.reaches;
  const name = column.name && column.name.at(row);
  const kind = called(app.sheets.reaches.look(row));
  if (name) return String(name);
  const line = column.line_id && column.line_id.at(row);
  return `${kind} ${line || keyOf('reaches', row)}`;
}

function met(name, rows) {
  if (!rows.length) return null;
  return el('details', { class: 'passed' }, el('summary', {}, icon('open'), el('span', { class: 'name' }, say(`journey.${name}`)), el('span', { class: 'count' }, number(rows.length))),
    el('ol', {}, rows.slice(0, MOST_LISTED).map(([row, cost]) => el('li', {}, el('button', { type: 'button', class: 'link', onclick: () => select(name, row, { fly: true }) },
      swatch(app.sheets[name].look(row), app.lang, 'points'), el('span', { class: 'name' }, titleOf(name, row)), el('span', { class: 'count' }, costSaid(cost)))))),
    rows.length > MOST_LISTED ? el('p', { class: 'hint' }, say('journey.rest', rows.length - MOST_LISTED)) : null);
}
