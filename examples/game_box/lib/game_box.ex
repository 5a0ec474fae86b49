defmodule GameBox do
  @moduledoc """
  Turn-based games that are plug-ins: users upload a game as WebAssembly, open a room, and play in the browser.

    * `GameBox.Catalogue` – the games, `GameBox.Inspection` decides which may come in
    * `GameBox.Rooms` and `GameBox.Room` – rooms, each a process with a plug-in of its own
    * `GameBox.Turn` and `GameBox.Game` – one turn: a move, and the views that follow from it
    * `GameBox.View` – what a game has rendered, sanitised
    * `GameBox.Store` and `GameBox.Warden` – what outlives a process, and who brings it back
    * `GameBox.Web` – pages, requests and streams

  Invariants: what players have been shown is what is kept; no game can harm more than the turn it is in.
  """
end
