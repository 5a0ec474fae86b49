defmodule GameBox.Application do
  @moduledoc """
  The processes of a node, in the order in which they need each other: the database, the cluster, rooms, pages.
  """

  use Application

  require Logger

  alias GameBox.Settings

  @impl true
  def start(_type, _arguments) do
    GameBox.Distribution.start()

    children = [
      GameBox.Store,
      GameBox.Rate,
      %{id: :pg, start: {:pg, :start_link, [GameBox.Cluster]}},
      Supervisor.child_spec({Task.Supervisor, name: GameBox.Turns}, id: GameBox.Turns),
      Supervisor.child_spec({Task.Supervisor, name: GameBox.Trials}, id: GameBox.Trials),
      {DynamicSupervisor, name: GameBox.RoomSupervisor, strategy: :one_for_one},
      GameBox.Warden,
      {GameBox.Web, ip: Settings.ip(), port: Settings.port()}
    ]

    with {:ok, supervisor} <-
           Supervisor.start_link(children, strategy: :rest_for_one, name: GameBox.Supervisor) do
      Logger.notice("Game box: http://#{:inet.ntoa(Settings.ip())}:#{GameBox.Web.port()}")
      {:ok, supervisor}
    end
  end
end
