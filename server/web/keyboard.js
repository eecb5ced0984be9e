// A pen for the keyboard: arrows move it, with shift by large steps; space puts it down and lifts it.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function keyboardPen(sketch, mark) {
  const { canvas } = sketch, pen = { x: 0.5, y: 0.5 };
  const at = () => ({ x: pen.x * canvas.width, y: pen.y * canvas.height });
  const show = () => {
    const box = canvas.getBoundingClientRect(), frame = mark.parentElement.getBoundingClientRect();
    mark.hidden = false;
    mark.style.left = `${box.left - frame.left + pen.x * box.width}px`;
    mark.style.top = `${box.top - frame.top + pen.y * box.height}px`;
    mark.classList.toggle('down', sketch.drawing);
  };
  canvas.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? 1 / 16 : 3 / 256;
      pen.x = Math.min(1, Math.max(0, pen.x + arrow[0] * step));
      pen.y = Math.min(1, Math.max(0, pen.y + arrow[1] * step));
      sketch.move(at());
    } else if (event.key === ' ' || event.key === 'Enter') {
      if (sketch.drawing) sketch.up();
      else sketch.down(at());
    } else {
      return;
    }
    event.preventDefault();
    show();
  });
  canvas.addEventListener('pointerdown', () => { mark.hidden = true; });
  canvas.addEventListener('blur', () => {
    sketch.up();
    mark.hidden = true;
  });

  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey) sketch.undo();
    else if (key === 'y' || key === 'z') sketch.redo();
    else return;
    event.preventDefault();
  });
}
