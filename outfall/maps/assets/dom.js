// How elements are made: text only ever becomes a text node.

function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'class') node.className = value;
    else if (name === 'style') Object.assign(node.style, value);
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'src' || name === 'value' || name === 'disabled' || name === 'hidden') node[name] = value;
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  add(node, children);
  return node;
}

function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

const SVG = 'http://www.w3.org/2000/svg';

function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props || {})) node.setAttribute(name, String(value));
  return add(node, children);
}

const ICONS = {
  crowd: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM17 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM13 14a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
  globe: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17M12 3.5c5 5 5 12 0 17c-5-5-5-12 0-17z',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  print: 'M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  layers: 'M12 4 3 9l9 5 9-5-9-5zM4 14l8 4.5 8-4.5',
  open: 'M8 10l4 4 4-4',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  link: 'M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500',
  ruler: 'M4 15.5 15.5 4 20 8.5 8.5 20zM8 12l2 2M11 9l2 2M14 6l2 2',
  undo: 'M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  clear: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  flow: 'M4 5c5 0 5 7 10 7M4 19c5 0 5-7 10-7M14 12h6M17 9l3 3-3 3',
  locate: 'M12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2z',
  table: 'M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  help: 'M9 9a3 3 0 1 1 4.2 2.75c-.8.4-1.2 1-1.2 2M12 17.5h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  save: 'M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14',
  target: 'M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  eye: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
};

function icon(name) {
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}
