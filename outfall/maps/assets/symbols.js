// What a point looks like: shape, colour and letter, drawn once per look and stamped many times.

const SYMBOLS = new Map();

function tracePath(ctx, shape, x, y, r) {
  ctx.beginPath();
  if (shape === 'diamond') {
    const k = r * 1.22;
    ctx.moveTo(x, y - k); ctx.lineTo(x + k, y); ctx.lineTo(x, y + k); ctx.lineTo(x - k, y);
  } else if (shape === 'triangle') {
    const k = r * 1.32;
    ctx.moveTo(x, y - k); ctx.lineTo(x + k * 0.95, y + k * 0.72); ctx.lineTo(x - k * 0.95, y + k * 0.72);
  } else if (shape === 'square' || shape === 'tile') {
    const k = r * (shape === 'tile' ? 0.98 : 0.9);
    const c = shape === 'tile' ? r * 0.34 : r * 0.12;
    ctx.moveTo(x - k + c, y - k);
    ctx.arcTo(x + k, y - k, x + k, y + k, c); ctx.arcTo(x + k, y + k, x - k, y + k, c);
    ctx.arcTo(x - k, y + k, x - k, y - k, c); ctx.arcTo(x - k, y - k, x + k, y - k, c);
  } else {
    ctx.arc(x, y, shape === 'dot' ? r * 0.62 : r, 0, 7);
  }
  ctx.closePath();
}

function symbol(look, r, lang, ratio) {
  const letter = (lang === 'zh' && look.letter_zh) || look.letter || '';
  const key = [look.shape, look.colour, look.edge, letter, r, ratio].join('|');
  if (SYMBOLS.has(key)) return SYMBOLS.get(key);
  const half = Math.ceil(r * 1.5 + 4);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 2 * half * ratio;
  const ctx = canvas.getContext('2d');
  ctx.scale(ratio, ratio);
  ctx.lineJoin = 'round';
  tracePath(ctx, look.shape, half, half, r);
  ctx.shadowColor = 'rgba(25, 35, 45, 0.38)';
  ctx.shadowBlur = 3 * ratio;
  ctx.shadowOffsetY = 1 * ratio;
  ctx.fillStyle = look.colour;
  ctx.fill();
  ctx.shadowColor = 'transparent';
  ctx.lineWidth = r > 6 ? 1.8 : 1.2;
  ctx.strokeStyle = look.edge || '#ffffff';
  ctx.stroke();
  if (letter && r >= 6) {
    ctx.fillStyle = '#ffffff';
    ctx.font = `700 ${Math.round(r * (/[一-鿿]/.test(letter) ? 1.12 : 1.32))}px ${FONT}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillText(letter, half, half + (look.shape === 'triangle' ? r * 0.1 : r * 0.07));
  }
  const made = { canvas, half };
  SYMBOLS.set(key, made);
  return made;
}

const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", "Helvetica Neue", Arial, sans-serif';

// A white edge is a point's; an area without an edge of its own is edged in its colour.
function edgeOf(look) {
  return look.edge && look.edge !== '#ffffff' ? look.edge : look.colour;
}

// The same look as a small picture for legends and lists.
function swatch(look, lang, kind) {
  const ratio = 2;
  const canvas = el('canvas', { class: 'swatch', 'aria-hidden': 'true' });
  canvas.width = 26 * ratio;
  canvas.height = 22 * ratio;
  const ctx = canvas.getContext('2d');
  ctx.scale(ratio, ratio);
  if (kind === 'lines') {
    ctx.lineCap = 'round';
    strokeLook(ctx, look, 1, () => { ctx.beginPath(); ctx.moveTo(3, 15); ctx.bezierCurveTo(9, 4, 16, 18, 23, 8); });
  } else if (kind === 'polygons') {
    ctx.beginPath();
    ctx.rect(4, 4, 18, 14);
    ctx.globalAlpha = 0.6;
    ctx.fillStyle = look.colour;
    ctx.fill();
    ctx.globalAlpha = 0.95;
    ctx.lineWidth = 1.4;
    ctx.strokeStyle = edgeOf(look);
    ctx.setLineDash(look.dash || []);
    ctx.stroke();
  } else {
    const made = symbol(look, 8, lang, ratio);
    ctx.drawImage(made.canvas, 13 - made.half, 11 - made.half, 2 * made.half, 2 * made.half);
  }
  return canvas;
}

// Water is a bright band between darker banks; a pipe is a line in a light casing.
function strokeLook(ctx, look, factor, path) {
  const width = (look.width || 2.4) * factor;
  const isPipe = (look.edge || '#ffffff') === '#ffffff';
  ctx.setLineDash([]);
  ctx.strokeStyle = look.edge || '#ffffff';
  ctx.lineWidth = width + (isPipe ? 2.2 : 1.8);
  path(); ctx.stroke();
  ctx.strokeStyle = look.colour;
  ctx.lineWidth = width;
  if (look.dash && look.dash.length) ctx.setLineDash(look.dash.map((part) => part * Math.max(1, factor * 0.8)));
  path(); ctx.stroke();
  ctx.setLineDash([]);
}
