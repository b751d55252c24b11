"Docs-site hooks that settings.ini names (`procs`, `renderer`): they serve Quarto and smalldocs alike"
import json, re, shutil
from html import escape
from inspect import formatannotation, isclass
from pathlib import Path
from fastcore.docments import docments, empty
from nbdev.config import get_config
from nbdev.process import Processor
from nbdev.showdoc import BasicMarkdownRenderer

PLOTLY, VIEW = 'application/vnd.plotly.v1+json', 'application/vnd.jupyter.widget-view+json'
STATE = 'application/vnd.jupyter.widget-state+json'

def _anno(o): return '' if o is None or o is empty else re.sub(r'(\w+\.)+(\w+)', r'\2', o if isinstance(o, str) else formatannotation(o))
def _code(s):  # a pipe ends a table cell, and Pandoc keeps a backslash inside code
    return '' if not s else f"<code>{escape(s).replace('|', '&#124;')}</code>" if '|' in s else f"`{s}`"

class TableRenderer(BasicMarkdownRenderer):
    "`show_doc` as signature, text and a table of parameters"
    def _repr_markdown_(self):
        head = super()._repr_markdown_().split('```python')[0]
        if self.sig is None: return head + self.docs
        dm = docments(self.sym, full=True, returns=not isclass(self.sym))
        ret = dm.pop('return', None)
        sig = self.sig.replace(return_annotation=empty, parameters=[
            p.replace(annotation=empty) for n,p in self.sig.parameters.items() if n != 'self'])
        rows = [(n, _anno(d.anno), '' if d.default is empty else repr(d.default), d.docment) for n,d in dm.items() if n != 'self']
        if ret and (ret.docment or _anno(ret.anno)): rows.append(('returns', _anno(ret.anno), '', ret.docment))
        rows = [('**returns**' if n == 'returns' else _code(n), _code(a), _code(d), ' '.join((t or '').split()).replace('|', '\\|')) for n,a,d,t in rows]
        keep = [i for i in range(4) if i == 0 or any(r[i] for r in rows)]  # a column with nothing in it is left out
        line = lambda r: f"| {' | '.join(r[i] for i in keep)} |"
        tbl = '\n'.join([line(['', 'Type', 'Default', 'Details']), '|---'*len(keep) + '|', *map(line, rows)]) if keep[1:] else ''
        return '\n\n'.join(o for o in (f'{head}```python\n{self.nm}{sig}\n```', self.docs, tbl) if o)

def _figs(state, mid):
    "Plotly figures under the widget `mid`"
    m = state.get(mid.removeprefix('IPY_MODEL_'))
    if not m: return []
    s = m['state']
    if '_widget_data' not in s: return [f for c in s.get('children', []) for f in _figs(state, c)]
    for b in m.get('buffers', []):  # plotly.js reads base64 arrays as `bdata`
        o = s
        for k in b['path'][:-1]: o = o[k]
        o.pop(b['path'][-1], None)
        o['bdata'] = b['data']
        if isinstance(o.get('shape'), list): o['shape'] = ','.join(map(str, o['shape']))
    return [dict(data=s['_widget_data'], layout=s['_widget_layout'])]

class site_outputs(Processor):
    "Plotly outputs and figure widgets drawn by the site's own plotly.min.js (no CDN, no widget state)"
    def begin(self):
        cfg = get_config()
        nb = Path(self.nb.path_).resolve().relative_to(Path(cfg.nbs_path).resolve())
        self.up, self.n, self.proc = '../'*(len(nb.parts)-1), 0, cfg.config_path/'_proc'
        self.state = self.nb.metadata.get('widgets', {}).get(STATE, {}).get('state', {})

    def _html(self, fig):
        self.n += 1
        src = f'<script src="{self.up}plotly.min.js" charset="utf-8"></script>\n' if self.n==1 else ''
        if src and not (js := self.proc/'plotly.min.js').exists():
            import plotly
            shutil.copy(Path(plotly.__file__).parent/'package_data'/'plotly.min.js', js)
        args = json.dumps([fig['data'], fig['layout'], dict(responsive=True)]).replace('</', '<\\/')
        return (f'{src}<div id="plotly-{self.n}" class="plotly-fig" style="height:{fig["layout"].get("height") or 450}px"></div>\n'
                f'<script>Plotly.newPlot("plotly-{self.n}", ...{args})</script>')

    def cell(self, cell):
        for o in cell.get('outputs', []):
            d = o.get('data', {})
            figs = [d[PLOTLY]] if PLOTLY in d else _figs(self.state, d[VIEW]['model_id']) if VIEW in d and 'text/html' not in d else []
            if figs: d['text/html'] = '\n'.join(map(self._html, figs))
            for k in (PLOTLY, VIEW, *(['text/plain'] if 'text/html' in d else [])): d.pop(k, None)

    def end(self): self.nb.metadata.pop('widgets', None)
