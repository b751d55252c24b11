"The documentation site without Quarto: nbdev's own steps, then smalldocs where nbdev_docs runs `quarto render`. Done on a copy."
import argparse, html, os, re, shutil, sys, tempfile
from contextlib import contextmanager
from pathlib import Path
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
import latex2mathml.converter as tex, nbdev.doclinks, yaml
from execnb.nbio import read_nb
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.site import Site, build

root = Path(__file__).resolve().parent.parent
auto = set()  # (page, page it leads to, anchor) of the links that nbdev made from names in backticks
_read, _resolve, _render = Site.read, Site.resolve, Site.render_page

def read(self, src):
    "Quarto's `output-file`, which nbdev sets: 00_core.ipynb becomes core.html"
    p = _read(self, src)
    if of := p.front.get('output-file'): p.out = p.out.with_name(of)
    return p

def resolve(self, href, page, record=True):
    "nbdev's links to its own site stay inside it, and are checked: name, then anchor"
    cfg = get_config()
    base = f"{cfg.doc_host}{cfg.doc_baseurl}".rstrip('/')
    if href and href.startswith(base + '/'):
        href = href[len(base):]
        name = href.lstrip('/').split('#')[0]
        src = next((p.src for p in self.pages.values() if str(p.out) == name), None)
        if src: href = href.replace(name, str(src), 1)
        if src and '#' in href: auto.add((str(page.out), str(self.pages[src].out), href.split('#')[1]))
    return _resolve(self, href, page, record)

def render_page(self, page):
    "Maths as MathML: no script, no CDN"
    _render(self, page)
    if page.env.pop('math', None):
        page.html = re.sub(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>',
            lambda m: tex.convert(html.unescape(m[2]), display='inline' if m[1]=='inline' else 'block'), page.html, flags=re.S)

Site.read, Site.resolve, Site.render_page = read, resolve, render_page

CALL = re.compile(r'^:{3,}\s*\{\.callout-(\w+)([^}]*)\}[ \t]*\n(.*?)^:{3,}[ \t]*$', re.M | re.S)

def _alert(m):
    t = re.search(r'title="([^"]*)"', m[2])
    body = re.sub(r'^#+ (.*)', r'**\1**', m[3].strip(), flags=re.M)
    return '\n'.join('> ' + l for l in [f'[!{m[1].upper()}]', *([f'**{t[1]}**', ''] if t else []), *body.splitlines()])

def link(m):
    "In the README a link to another notebook leads to its page on the site"
    cfg, page = get_config(), re.sub(r'(^|/)[0-9]+[a-z]*_', r'\1', m[1])
    return f']({cfg.doc_host}{cfg.doc_baseurl}/{page}.html'

def readme(cache):
    "README.md from the processed index notebook, as nbdev_readme makes it with Quarto"
    cfg = get_config()
    nb, out = read_nb(cache/cfg.readme_nb), []
    stored = {c.id: c.outputs for c in read_nb(cfg.nbs_path/cfg.readme_nb).cells if c.cell_type == 'code'}  # text that HTML has since replaced
    fm = yaml.safe_load(nb.cells[0].source.strip().strip('-')) if nb.cells[0].cell_type == 'raw' else {}
    out += [pre + fm[k] for k, pre in (('title', '# '), ('description', '> ')) if k in fm]
    for c in nb.cells[1:]:
        if c.cell_type == 'markdown':
            text = re.sub(r'\]\(([\w./]+)\.ipynb', link, CALL.sub(_alert, c.source))
            out.append(text.replace('](images/', '](nbs/images/').strip())
        elif c.cell_type == 'code':
            src = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M).strip()
            if src and not re.search(r'^#\| ?echo: ?false', c.source, re.M): out.append(f'```python\n{src}\n```')
            out += filter(None, map(shown, stored.get(c.id, c.outputs)))
    return '\n\n'.join(out) + '\n'

def shown(o):
    "An output as the README shows it: Markdown as it is, text in a fence, a figure not at all"
    data = o.get('data', {})
    if 'text/markdown' in data: return ''.join(data['text/markdown']).strip()
    if any('plotly' in k for k in data) or o.get('name') == 'stderr': return ''
    text = ''.join(o.get('text', data.get('text/plain', ''))).rstrip()
    return text and f'```\n{text}\n```'

SECTIONS = dict(data='Data', encoders='Encoders', fusion='Fusion', autoencoders='Autoencoders', models='Models', training='Training',
    evaluation='Evaluation', explain='Explanation', audit='Audit', metrics='Metrics', views='Figures', widgets='Widgets', panels='Panels')

def sidebar(nbs):
    "The pages by room: home, how-tos, then the rooms in the order in which data meet them"
    rooms = {}
    for p in sorted(nbs.glob('[0-9]*.ipynb')):
        name = p.stem.split('_', 1)[1].split('.')
        rooms.setdefault(SECTIONS.get(name[0], 'Command line and core'), []).append(p.name)
    order = [*SECTIONS.values(), 'Command line and core']
    parts = [('How to', [str(p.relative_to(nbs)) for p in sorted((nbs/'tutorials').glob('*.ipynb'))])]
    parts += sorted(rooms.items(), key=lambda o: order.index(o[0]))
    lines = ['website:', '  sidebar:', '    contents:', '      - index.ipynb']
    for title, pages in parts:
        if pages: lines += [f'      - section: {title}', '        contents:', *(f'          - {o}' for o in pages)]
    (nbs/'sidebar.yml').write_text('\n'.join(lines) + '\n')

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--out', type=Path, default=root/'_docs', help='folder of the site; what is in it is removed')
    p.add_argument('--readme', type=Path, default=root/'README.md', help='where the README goes')
    a = p.parse_args()
    a.out, a.readme = a.out.resolve(), a.readme.resolve()
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/'site'
        copy.mkdir()
        shutil.copy(root/'settings.ini', copy)
        ignore = shutil.ignore_patterns('.*', '__pycache__', 'assets', 'runs')
        for d in ('nbs', 'mmfuse_nb'): shutil.copytree(root/d, copy/d, ignore=ignore)
        os.chdir(copy)
        try: bad, n = make(a.out, a.readme)
        finally: os.chdir(root)
    if bad: sys.exit('broken links:\n' + '\n'.join(f'  {page}: {link}' for page, link in sorted(set(bad))))
    print(f'{n} pages in {a.out}')

NOISE = re.compile(r'^(I0000|WARNING: All log messages before absl|To enable the following)')

@contextmanager
def without_noise():
    "What libraries in C say when they are loaded is left out of stderr"
    sys.stderr.flush()
    with tempfile.TemporaryFile('w+') as f:
        kept = os.dup(2)
        os.dup2(f.fileno(), 2)
        try: yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            f.seek(0)
            sys.stderr.writelines(o for o in f if not NOISE.match(o))

def make(target, readme_path):
    "Build in the present folder and move the site to `target`; returns broken links and the number of pages"
    cfg = get_config()
    refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    sidebar(cfg.nbs_path)
    print('Reading the notebooks …', flush=True)
    with without_noise(): cache = proc_nbs(force=True, n_workers=0)
    readme_path.write_text(readme(cache))
    site = build(cache)
    out = cache/cfg.doc_path.name
    for f in (out/'site_libs').rglob('*.css'):  # no web fonts
        f.write_text(re.sub(r'@import\s*(?:url\([^)]*fonts\.googleapis[^)]*\)|"[^"]*fonts\.googleapis[^"]*");?', '', f.read_text()))
    bad, pages = [(str(p), str(h)) for p, h in site.broken], {f: f.read_text() for f in out.rglob('*.html')}
    for f, text in pages.items():  # anchors too; a name that its page does not document leads to the page
        lost = [(h, name, anchor) for h, name, anchor in re.findall(r'(href="([^":?]*)#([^"]+)")', text)
                if (t := (f.parent/name).resolve() if name else f).suffix == '.html' and f'id="{anchor}"' not in pages.get(t, '')]
        for h, name, anchor in lost:
            there = (f.parent/name).resolve().relative_to(out) if name else f.relative_to(out)
            if (str(f.relative_to(out)), str(there), anchor) in auto: text = text.replace(h, f'href="{name or f.name}"')
            else: bad.append((f.name, f'{name}#{anchor}'))
        if lost: f.write_text(text)
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(out, target)
    return bad, len(pages)

if __name__ == '__main__': main()
