// The file of plotly.js in this folder. Here there is none; setup.py puts it there and names it.
export default null;
