/** Where the panel covers the whole screen. */
export const FULL_SCREEN = '(max-width: 519px)';

/** `initial` and `!important` keep the page's style out; the shadow root keeps this one in. */
const CSS = `
:host{all:initial!important;position:fixed!important;z-index:2147483000!important;font:400 16px/1.5 system-ui,sans-serif!important;--accent:#0c6a56;--strong:#0a5746;--ink:#fff;--surface:#fff;--text:#17231f;--danger:#b3261e}
*{box-sizing:border-box}
button{all:unset;cursor:pointer}
button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.launcher{position:fixed;bottom:calc(var(--stompline-bottom,20px) + env(safe-area-inset-bottom,0px));right:var(--stompline-side,20px);display:grid;place-items:center;width:60px;height:60px;border-radius:50%;background:var(--accent);color:var(--ink);box-shadow:0 10px 28px rgb(0 0 0/.24);transition:transform .12s,background-color .12s}
.left .launcher{right:auto;left:var(--stompline-side,20px)}
.launcher:hover{background:var(--strong);transform:translateY(-2px)}
svg{width:26px;height:26px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.badge{position:absolute;top:-2px;right:-2px;min-width:22px;padding:0 6px;border-radius:11px;background:var(--danger);color:#fff;font-size:13px;font-weight:600;line-height:22px;text-align:center;box-shadow:0 0 0 2px #fff}
[hidden],.unseen:empty{display:none}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
dialog{position:fixed;inset:auto;bottom:calc(var(--stompline-bottom,20px) + 76px + env(safe-area-inset-bottom,0px));right:var(--stompline-side,20px);width:392px;height:min(664px,calc(100vh - var(--stompline-bottom,20px) - 96px));max-width:none;max-height:none;margin:0;padding:0;border:0;border-radius:20px;overflow:hidden;background:var(--surface);color:var(--text);box-shadow:0 0 0 1px rgb(0 0 0/.08),0 24px 64px rgb(0 0 0/.22)}
.left dialog{right:auto;left:var(--stompline-side,20px)}
dialog[open]{animation:in .2s}
dialog::backdrop{background:none}
@keyframes in{from{opacity:0;transform:translateY(12px)}}
iframe{display:block;width:100%;height:100%;border:0}
.waiting iframe{visibility:hidden}
.wait{display:none;position:absolute;top:12px;right:12px;width:40px;height:40px;line-height:40px;text-align:center;border-radius:50%}
.waiting .wait{display:block}
.failed{height:100%;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:16px;padding:24px;text-align:center}
.failed p{margin:0}
.failed button{padding:10px 20px;border-radius:999px;background:var(--accent);color:var(--ink)}
.failed a,.failed .text{background:none;color:inherit;text-decoration:underline}
@media ${FULL_SCREEN}{dialog,.left dialog{inset:0;width:100%;height:100%;border-radius:0;box-shadow:none}}
@media (prefers-color-scheme:dark){:host{--accent:#3cc3a2;--strong:#5ad3b5;--ink:#06231c;--surface:#14201c;--text:#e6efeb}.badge{box-shadow:none}}
@media (prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
@media (forced-colors:active){.launcher,.failed button{border:2px solid}}
@media print{:host{display:none!important}}
`;

/** A style sheet made by script needs no permission of the page's policy, which an element might. */
export function dress(root: ShadowRoot): void {
  if ('replaceSync' in CSSStyleSheet.prototype) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
  } else {
    root.append(Object.assign(document.createElement('style'), { textContent: CSS }));
  }
}
