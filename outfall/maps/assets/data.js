// Where the data of the page lies, inside it or in scripts beside it, and what the reader is told where it is damaged.

const TROUBLES = {
  cut: ['文件不完整，后面的部分缺失。请重新复制或重新生成。', 'The file is incomplete, its end is missing. Copy it again or draw it anew.'],
  damaged: ['数据已损坏，与写入时不一致。请重新复制或重新生成。', 'The data is damaged, it is not what was written. Copy it again or draw it anew.'],
  missing: ['旁边的数据文件缺失。请把网页和它旁边的文件夹一起复制。', 'A data file beside the page is missing. Copy the page together with the folder beside it.'],
  newer: ['数据由更新的版本写成，这张网页读不了。请用新版本重新生成。', 'The data was written by a newer version, which this page cannot read. Draw it anew with that version.'],
  other: ['文件可能不完整，请重新复制或重新生成。', 'The file may be incomplete; copy it again or draw it anew.'],
};

function trouble(kind, detail) {
  const error = new Error(detail || kind);
  error.trouble = kind;
  return error;
}

// Both languages, because the phrases of the page are part of what cannot be read.
function showTrouble(error) {
  const box = document.getElementById('trouble');
  const [zh, en] = TROUBLES[error.trouble] || TROUBLES.other;
  const busy = document.getElementById('busy');
  if (busy) busy.remove();
  fill(box,
    el('b', {}, '地图数据无法读取'), el('p', { lang: 'zh-CN' }, zh),
    el('b', { lang: 'en' }, 'The data of this map cannot be read'), el('p', { lang: 'en' }, en),
    el('code', {}, error.trouble ? error.message : String(error)));
  box.hidden = false;
  document.body.classList.add('ready');
}

// The page stands before its data: what is heard here is that the rest has arrived.
function isWhole() {
  return new Promise((done) => {
    if (document.readyState !== 'loading') done();
    else document.addEventListener('DOMContentLoaded', () => done());
  });
}

async function readData() {
  document.documentElement.classList.add('alive');
  document.getElementById('trouble').hidden = true;
  await isWhole();
  const store = document.getElementById('data');
  if (store) {
    const text = store.textContent.trim();
    store.remove();
    await check(text, store.dataset, 'cut', '');
    return text;
  }
  const list = document.getElementById('shards');
  if (!list) throw trouble('cut');
  let rows;
  try { rows = JSON.parse(list.textContent); } catch (error) { throw trouble('cut'); }
  return readShards(rows, list.dataset.mark);
}

async function check(text, told, kind, where) {
  const length = Number(told.characters);
  if (text.length !== length) throw trouble(text.length < length ? kind : 'damaged', `${where} ${number(text.length)} / ${number(length)}`.trim());
  const digest = await sha256(new TextEncoder().encode(text));
  if (digest !== told.sha256) throw trouble('damaged', `${where} sha256 ${digest.slice(0, 12)} ≠ ${told.sha256.slice(0, 12)}`.trim());
}

async function readShards(rows, mark) {
  const got = new Map();
  window.outfallShard = (name, text) => { if (!got.has(name)) got.set(name, String(text)); };
  const busy = el('p', { id: 'busy', role: 'status' });
  document.body.append(busy);
  const parts = [];
  for (const row of rows) {
    fill(busy, `正在读取数据 ${parts.length + 1}/${rows.length} · Reading data`);
    if (!/^[^:/?#\\]+\/data-\d{3,}-[0-9a-f]{12}\.js$/.test(row.file)) throw trouble('damaged', row.file);
    await loadBeside(row.file, mark);
    if (!got.has(row.name)) throw trouble('damaged', row.file);
    await check(got.get(row.name), row, 'damaged', row.file);
    parts.push(got.get(row.name));
    got.delete(row.name);
  }
  busy.remove();
  delete window.outfallShard;
  return parts.join('');
}

function loadBeside(file, mark) {
  return new Promise((done, fail) => {
    const script = document.createElement('script');
    script.nonce = mark;
    script.src = file;
    script.onload = () => { script.remove(); done(); };
    script.onerror = () => { script.remove(); fail(trouble('missing', decodeURIComponent(file))); };
    document.head.append(script);
  });
}

async function sha256(bytes) {
  const hex = (values) => Array.from(values, (value) => value.toString(16).padStart(2, '0')).join('');
  if (window.crypto && window.crypto.subtle) return hex(new Uint8Array(await window.crypto.subtle.digest('SHA-256', bytes)));
  return hex(sha256Here(bytes));
}

// For pages served without encryption, where browsers keep their own digest to themselves (FIPS 180-4).
function sha256Here(bytes) {
  const primes = [];
  for (let k = 2; primes.length < 64; k++) if (primes.every((prime) => k % prime)) primes.push(k);
  const part = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
  const constants = primes.map((prime) => part(Math.cbrt(prime)));
  const state = Int32Array.from(primes.slice(0, 8), (prime) => part(Math.sqrt(prime)));
  const size = Math.ceil((bytes.length + 9) / 64) * 64;
  const padded = new Uint8Array(size);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(size - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(size - 4, (bytes.length << 3) >>> 0);
  const w = new Int32Array(64);
  const turn = (value, by) => (value >>> by) | (value << (32 - by));
  for (let at = 0; at < size; at += 64) {
    for (let k = 0; k < 16; k++) w[k] = view.getInt32(at + 4 * k);
    for (let k = 16; k < 64; k++) {
      const x = w[k - 15], y = w[k - 2];
      w[k] = (w[k - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[k - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let k = 0; k < 64; k++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[k] + w[k]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, k) => { state[k] += value; });
  }
  return new Uint8Array(Array.from(state).flatMap((value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]));
}

// The photo beside the page takes the place of the small one; where it is gone the page says so.
function bringFull(figure, photo, address) {
  const small = figure.querySelector('img');
  const full = el('img', { alt: photo.file });
  full.onload = () => { if (small.isConnected) small.replaceWith(full); };
  full.onerror = () => {
    const link = figure.querySelector('a');
    if (small.isConnected && link) link.replaceWith(el('span', { class: 'missing', role: 'status' }, say('photo.missing', photo.beside)));
  };
  full.src = address;
}
