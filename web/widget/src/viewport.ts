/**
 * Tells the style how much of the page the keyboard of a phone leaves free. `100dvh` alone does not shrink for it on
 * iOS, and the field one writes in would be covered.
 */
export function followViewport(): void {
  const { visualViewport } = globalThis;
  if (visualViewport == null) {
    return;
  }
  const tell = (): void => {
    const { style } = document.documentElement;
    style.setProperty('--viewport-height', `${Math.round(visualViewport.height)}px`);
    style.setProperty('--viewport-top', `${Math.round(visualViewport.offsetTop)}px`);
  };
  visualViewport.addEventListener('resize', tell);
  visualViewport.addEventListener('scroll', tell);
  tell();
}
