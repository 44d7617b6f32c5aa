// How the page finds its code: packed as text, unpacked here, and run only where it is what the policy of the page names.

const codeStore = document.getElementById('code');
const codePacked = Uint8Array.from(atob(codeStore.textContent.trim()), (char) => char.charCodeAt(0));
codeStore.remove();
const codeRaw = new Uint8Array(new DataView(codePacked.buffer, codePacked.length - 4, 4).getUint32(0, true));
tinyInflate(codePacked.subarray(10, codePacked.length - 8), codeRaw);
const codeTexts = new TextDecoder().decode(codeRaw).split('\0');
for (let at = 0; at < codeTexts.length; at++) {
  const node = document.createElement(at ? 'script' : 'style');
  node.textContent = codeTexts[at];
  document.head.append(node);
}
