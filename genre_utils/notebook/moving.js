// What moves on a page without a kernel: playheads over spectrograms, listening quizzes, sliders over precomputed figures.
(() => {
  const begun = (box) => box.dataset.begun || !(box.dataset.begun = 'yes');

  const listen = (box) => {
    const audio = box.querySelector('audio');
    const seen = box.querySelector('.seen');
    const line = seen.querySelector('i');
    const draw = () => {
      line.style.left = `${(100 * audio.currentTime) / (audio.duration || Infinity)}%`;
      if (!audio.paused) requestAnimationFrame(draw);
    };
    for (const event of ['play', 'seeked', 'timeupdate']) audio.addEventListener(event, draw);
    seen.addEventListener('click', (click) => {
      const go = () => { audio.currentTime = (audio.duration * click.offsetX) / seen.clientWidth; };
      if (audio.readyState) go();
      else { audio.addEventListener('loadedmetadata', go, { once: true }); audio.load(); }
    });
  };

  const quiz = (box) => {
    const choices = JSON.parse(box.dataset.choices);
    const score = box.querySelector('output');
    const clips = [...box.querySelectorAll('figure')];
    let right = 0;
    let answered = 0;
    const tell = () => { score.textContent = `${answered} of ${clips.length} answered, ${right} right.`; };
    clips.forEach((clip) => {
      const folded = clip.querySelector('details');
      const answer = folded.querySelector('span').textContent;
      const row = document.createElement('div');
      row.className = 'choices';
      row.append(...choices.map((choice) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = choice;
        button.setAttribute('aria-label', `${clip.querySelector('figcaption').textContent}: ${choice}`);
        button.addEventListener('click', () => {
          if (row.dataset.answered) return;
          row.dataset.answered = choice;
          answered += 1;
          right += choice === answer;
          for (const other of row.children) {
            other.setAttribute('aria-disabled', 'true');
            const verdict = other.textContent === answer ? ['✓', 'right'] : ['✗', 'wrong'];
            if (other !== button && verdict[1] === 'wrong') continue;
            other.append(` ${verdict[0]}`);
            other.setAttribute('aria-label', `${other.getAttribute('aria-label')}, ${verdict[1]}`);
          }
          tell();
        });
        return button;
      }));
      folded.replaceWith(row);
    });
    score.setAttribute('aria-live', 'polite');
    tell();
  };

  const knobs = (box) => {
    const { names, values, begin, states } = JSON.parse(box.dataset.states);
    const image = box.querySelector('img');
    const audio = box.querySelector('audio');
    const place = [...begin];
    const row = document.createElement('div');
    row.className = 'sliders';
    row.append(...names.map((name, number) => {
      const label = document.createElement('label');
      const slider = document.createElement('input');
      const value = document.createElement('output');
      const draw = () => {
        place[number] = Number(slider.value);
        value.textContent = values[number][place[number]];
        slider.setAttribute('aria-valuetext', value.textContent);
        const state = states[place.reduce((sum, at, i) => sum * values[i].length + at, 0)];
        if (image.getAttribute('src') !== state.image) Object.assign(image, { src: state.image, alt: state.alt });
        if (audio && audio.getAttribute('src') !== state.sound) audio.src = state.sound;
      };
      Object.assign(slider, { type: 'range', min: 0, max: values[number].length - 1, step: 1, value: begin[number] });
      slider.addEventListener('input', draw);
      label.append(`${name} `, slider, value);
      draw();
      return label;
    }));
    box.prepend(row);
  };

  const begin = () => {
    document.querySelectorAll('figure.listen').forEach((box) => begun(box) || listen(box));
    document.querySelectorAll('.quiz').forEach((box) => begun(box) || quiz(box));
    document.querySelectorAll('figure.knobs').forEach((box) => begun(box) || knobs(box));
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
  else begin();
})();
