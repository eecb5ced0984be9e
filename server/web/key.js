// The API key, for daemons that ask for one: typed once, kept until this tab is closed.

const NAME = 'pix2pixd.key', $ = (id) => document.getElementById(id);
let key = '', asking = null;

try {
  key = sessionStorage.getItem(NAME) ?? '';
} catch { /* without storage it is typed again after a reload */ }

function ask(wrong) {
  $('key-note').textContent = wrong ? 'The server does not know this key.' : 'The server asks for a key.';
  $('key-form').hidden = false;
  $('key').value = '';
  $('key').focus();
  asking ??= new Promise((resolve) => {
    $('key-form').addEventListener('submit', (event) => {
      event.preventDefault();
      key = $('key').value.trim();
      try {
        sessionStorage.setItem(NAME, key);
      } catch { /* as above */ }
      $('key-form').hidden = true;
      asking = null;
      resolve();
    }, { once: true });
  });
  return asking;
}

// As fetch(); `options` is called for each try. Comes back from a 401 when a key has been typed that
// is accepted.
export async function fetchWithKey(path, options) {
  for (;;) {
    const sent = key, { headers, ...others } = options();
    const response = await fetch(path, { ...others, headers: sent ? { ...headers, Authorization: `Bearer ${sent}` } : headers });
    if (response.status !== 401) return response;
    if (sent === key) await ask(sent !== '');
  }
}

export const hasKey = () => key !== '';
