# Every path the double answers. /health and /up are missing on purpose: 4.6.0 has neither (facts 3).
# ActionCable mounts itself on /cable.
require 'sidekiq/web'

Rails.application.routes.draw do
  root to: 'dashboard#index'
  get '/app', to: 'dashboard#index'
  get '/app/*params', to: 'dashboard#index', format: false

  get '/api', to: 'api#index'
  get '/widget', to: 'widgets#index'
  post '/auth/sign_in', to: 'auth/sessions#create'
  get '/auth/validate_token', to: 'auth/sessions#validate'
  delete '/auth/sign_out', to: 'auth/sessions#destroy'

  namespace :installation do
    get :onboarding, to: 'onboarding#index'
    post :onboarding, to: 'onboarding#create'
  end

  namespace :super_admin do
    root to: 'users#index'
    get :sign_in, to: 'sessions#new'
    post :sign_in, to: 'sessions#create'
    get :logout, to: 'sessions#destroy'
    resources :users, only: [:index]
  end
  # For others than the super administrator this page is not there: 404.
  constraints ->(request) { SuperAdmin.exists?(request.session[:super_admin_id]) } do
    mount Sidekiq::Web => '/monitoring/sidekiq'
  end

  namespace :api, defaults: { format: :json } do
    namespace :v1 do
      resource :profile, only: [:show] do
        post :reset_access_token
      end
      # No index: GET /api/v1/accounts is 404 (facts 8).
      resources :accounts, only: %i[create show update] do
        scope module: :accounts do
          resources :agents, only: %i[index create update destroy]
          resources :labels, only: %i[index show create update destroy]
          resources :webhooks, only: %i[index create update destroy]
          resources :inboxes, only: %i[index show create update destroy]
          resources :inbox_members, only: %i[show create], param: :inbox_id do
            collection { patch :update; delete :destroy }
          end
          resources :teams, only: %i[index show create update destroy] do
            resources :team_members, only: %i[index create] do
              collection { patch :update; delete :destroy }
            end
          end
          resources :contacts, only: %i[index show create update destroy] do
            collection { get :search; post :filter }
            member { get :contactable_inboxes }
            scope module: :contacts do
              resources :contact_inboxes, only: [:create]
              resources :conversations, only: [:index]
            end
          end
          resources :conversations, only: %i[index show create] do
            # Trap (facts 13): only by POST; GET conversations/filter asks for a conversation of that number, and is 404.
            collection { post :filter }
            member { post :toggle_status; post :toggle_typing_status }
            scope module: :conversations do
              resources :messages, only: %i[index create update destroy] do
                member { post :retry }
              end
              resources :labels, only: %i[index create]
              resources :assignments, only: [:create]
            end
          end
        end
      end
    end
    namespace :v2 do
      resources :accounts, only: [:create]
    end
  end
end
